// Drawn on a canvas in the Mercator projection; x and y of the world run from 0 to 1.
const CLOSEST = 2 ** 21, WIDEST = 1.5;
const LIGHT = {sea: "#dfe9f5", land: "#fbfcfe", coast: "#b3c2d6", grid: "#c4d1e2", ink: "#475467", mark: "#1456d8", pin: "#d92d20"};
const DARK = {sea: "#0e1a30", land: "#1c2942", coast: "#3a4966", grid: "#223252", ink: "#9aa7bd", mark: "#84adff", pin: "#f97066"};

const worldX = (longitude) => (longitude + 180) / 360;
const worldY = (latitude) => {
  const sine = Math.sin((Math.max(-85, Math.min(85, latitude)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
};
const longitudeOf = (x) => x * 360 - 180;
const wrapped = (longitude) => ((((longitude + 180) % 360) + 360) % 360) - 180;
const latitudeOf = (y) => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

function rings(layer) {
  return layer.rings.map((flat) => {
    const points = [];
    let longitude = 0, latitude = 0;
    for (let i = 0; i < flat.length; i += 2) {
      longitude += flat[i];
      latitude += flat[i + 1];
      points.push([worldX(longitude / layer.scale), worldY(latitude / layer.scale)]);
    }
    return points;
  });
}

function start(root, data) {
  const canvas = document.createElement("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  const zoom = document.createElement("div");
  zoom.className = "zoom";
  const hint = document.createElement("div");
  hint.className = "hint";
  root.append(canvas, zoom, hint);
  const map = {
    canvas, hint, x: worldX(110), y: worldY(33), scale: 5, marker: null, data, send: () => {},
    coarse: [], fine: [], box: [0, 0, 0, 0],
  };
  fetch(new URL("land.json", import.meta.url)).then((answer) => answer.json()).then((land) => {
    map.coarse = rings(land.coarse);
    map.fine = rings(land.fine);
    map.box = land.fine.box;
    paint(map);
  });
  for (const [sign, factor] of [["+", 2], ["−", 0.5]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = sign;
    button.onclick = () => zoomBy(map, factor);
    zoom.append(button);
  }
  look(map);
  listen(map);
  new ResizeObserver(() => paint(map)).observe(root);
  return map;
}

// First look: at the marker from near, else at all marks, else at China.
function look(map) {
  const {marker, marks} = map.data;
  const around = marker ? [marker] : marks;
  if (!around.length) return;
  const xs = around.map((place) => worldX(place.longitude)), ys = around.map((place) => worldY(place.latitude));
  map.x = (Math.min(...xs) + Math.max(...xs)) / 2;
  map.y = (Math.min(...ys) + Math.max(...ys)) / 2;
  const span = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  map.scale = marker ? 900 : Math.min(900, span ? 0.6 / span : 900);
}

function size(map) {
  return [map.canvas.clientWidth || 600, map.canvas.clientHeight || 300];
}

function place(map, x, y) {
  const [width, height] = size(map), unit = map.scale * width;
  return [(x - map.x) * unit + width / 2, (y - map.y) * unit + height / 2];
}

function under(map, left, top) {
  const [width, height] = size(map), unit = map.scale * width;
  return [map.x + (left - width / 2) / unit, map.y + (top - height / 2) / unit];
}

function zoomBy(map, factor, left, top) {
  const [width, height] = size(map);
  const before = under(map, left ?? width / 2, top ?? height / 2);
  map.scale = Math.max(WIDEST, Math.min(CLOSEST, map.scale * factor));
  const after = under(map, left ?? width / 2, top ?? height / 2);
  map.x += before[0] - after[0];
  map.y += before[1] - after[1];
  paint(map);
}

function pick(map, left, top) {
  if (!map.data.pick) return;
  const [x, y] = under(map, left, top);
  map.marker = {longitude: +wrapped(longitudeOf(x)).toFixed(7), latitude: +latitudeOf(y).toFixed(7)};
  paint(map);
  map.send(map.marker);
}

function listen(map) {
  const {canvas} = map, fingers = new Map();
  let moved = 0, spread = 0;
  const distance = () => {
    const [one, two] = [...fingers.values()];
    return Math.hypot(one[0] - two[0], one[1] - two[1]);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    moved = fingers.size > 1 ? 99 : 0;
    if (fingers.size === 2) spread = distance();
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    if (fingers.size === 2) {
      const now = distance();
      if (spread && now) zoomBy(map, now / spread);
      spread = now;
      return;
    }
    const unit = map.scale * size(map)[0];
    moved += Math.abs(event.offsetX - last[0]) + Math.abs(event.offsetY - last[1]);
    map.x -= (event.offsetX - last[0]) / unit;
    map.y -= (event.offsetY - last[1]) / unit;
    paint(map);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (fingers.delete(event.pointerId) && moved < 5) pick(map, event.offsetX, event.offsetY);
  });
  canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(map, event.deltaY < 0 ? 1.4 : 1 / 1.4, event.offsetX, event.offsetY);
  }, {passive: false});
  canvas.addEventListener("keydown", (event) => {
    const step = 40 / (map.scale * size(map)[0]);
    const moves = {ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step]};
    if (moves[event.key]) {
      map.x += moves[event.key][0];
      map.y += moves[event.key][1];
      paint(map);
    } else if (event.key === "+" || event.key === "=") zoomBy(map, 2);
    else if (event.key === "-") zoomBy(map, 0.5);
    else if (event.key === "Enter") pick(map, ...size(map).map((length) => length / 2));
    else return;
    event.preventDefault();
  });
}

function trace(map, pen, points) {
  points.forEach(([x, y], index) => {
    const [left, top] = place(map, x, y);
    if (index) pen.lineTo(left, top);
    else pen.moveTo(left, top);
  });
  pen.closePath();
}

function land(map, pen, layer) {
  pen.beginPath();
  for (const points of layer) trace(map, pen, points);
  pen.fill("evenodd");
  pen.stroke();
}

function graticule(map, pen, colours, width, height) {
  const [west, north] = under(map, 0, 0), [east, south] = under(map, width, height);
  const span = longitudeOf(east) - longitudeOf(west);
  const raw = span / Math.max(2, width / 130), power = 10 ** Math.floor(Math.log10(raw));
  const step = power * (raw / power >= 5 ? 5 : raw / power >= 2 ? 2 : 1);
  const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  pen.strokeStyle = colours.grid;
  pen.fillStyle = colours.ink;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let value = Math.ceil(longitudeOf(west) / step) * step; value < longitudeOf(east); value += step) {
    const left = place(map, worldX(value), 0)[0];
    pen.moveTo(left, 0);
    pen.lineTo(left, height);
    pen.fillText(`${wrapped(value).toFixed(places)}°`, left + 3, 12);
  }
  for (let value = Math.ceil(latitudeOf(south) / step) * step; value < latitudeOf(north); value += step) {
    const top = place(map, 0, worldY(value))[1];
    pen.moveTo(0, top);
    pen.lineTo(width, top);
    pen.fillText(`${value.toFixed(places)}°`, 3, top - 3);
  }
  pen.stroke();
}

function paint(map) {
  const {canvas, data} = map, [width, height] = size(map), ratio = window.devicePixelRatio || 1;
  const colours = data.dark ? DARK : LIGHT;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  pen.fillStyle = colours.sea;
  pen.fillRect(0, 0, width, height);
  pen.strokeStyle = colours.coast;
  pen.lineWidth = 1;
  pen.fillStyle = colours.land;
  land(map, pen, map.coarse);
  const [west, south, east, north] = map.box;
  const corner = place(map, worldX(west), worldY(north)), opposite = place(map, worldX(east), worldY(south));
  pen.save();
  pen.beginPath();
  // One pixel less, so that the cut edges are not taken for coasts.
  pen.rect(corner[0] + 1, corner[1] + 1, opposite[0] - corner[0] - 2, opposite[1] - corner[1] - 2);
  pen.clip();
  pen.fillStyle = colours.sea;
  pen.fill();
  pen.fillStyle = colours.land;
  land(map, pen, map.fine);
  pen.restore();
  graticule(map, pen, colours, width, height);
  const named = [];
  for (const mark of data.marks) {
    const [left, top] = place(map, worldX(mark.longitude), worldY(mark.latitude));
    if (left < -20 || top < -20 || left > width + 20 || top > height + 20) continue;
    pen.fillStyle = colours.mark;
    pen.beginPath();
    pen.arc(left, top, 4, 0, 7);
    pen.fill();
    if (named.some(([x, y]) => Math.abs(x - left) < 90 && Math.abs(y - top) < 14)) continue;
    named.push([left, top]);
    pen.fillStyle = colours.ink;
    pen.fillText(mark.name.length > 14 ? `${mark.name.slice(0, 13)}…` : mark.name, left + 7, top + 4);
  }
  if (map.marker) {
    const [left, top] = place(map, worldX(map.marker.longitude), worldY(map.marker.latitude));
    pen.fillStyle = colours.pin;
    pen.beginPath();
    pen.moveTo(left, top);
    pen.bezierCurveTo(left - 4, top - 8, left - 9, top - 11, left - 9, top - 18);
    pen.arc(left, top - 18, 9, Math.PI, 0);
    pen.bezierCurveTo(left + 9, top - 11, left + 4, top - 8, left, top);
    pen.fill();
    pen.fillStyle = colours.land;
    pen.beginPath();
    pen.arc(left, top - 18, 3.2, 0, 7);
    pen.fill();
  }
}

const shown = new WeakMap();

export default function (component) {
  const {data, parentElement, setTriggerValue} = component;
  const root = parentElement.querySelector(".map");
  root.style.height = `${data.height}px`;
  let map = shown.get(root);
  const changed = JSON.stringify(data.marker);
  if (!map) {
    map = start(root, data);
    shown.set(root, map);
  }
  map.data = data;
  map.send = (picked) => setTriggerValue("picked", picked);
  // What was typed moves the marker, and a marker out of sight is looked for.
  if (map.told !== changed) {
    map.told = changed;
    map.marker = data.marker;
    if (data.marker) {
      const [left, top] = place(map, worldX(data.marker.longitude), worldY(data.marker.latitude));
      const [width, height] = size(map);
      if (left < 0 || top < 0 || left > width || top > height) {
        map.x = worldX(data.marker.longitude);
        map.y = worldY(data.marker.latitude);
      }
    }
  }
  map.canvas.classList.toggle("pick", data.pick);
  root.style.touchAction = data.pick ? "none" : "pan-y";
  map.canvas.setAttribute("aria-label", data.label);
  map.hint.textContent = data.hint;
  paint(map);
}
