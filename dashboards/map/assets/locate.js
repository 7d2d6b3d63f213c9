// Asks for the position only when the button is pressed; what the browser answers goes to the page once.
export default function (component) {
  const {data, parentElement, setTriggerValue} = component;
  const button = parentElement.querySelector("button");
  button.querySelector("span").textContent = data.label;
  button.title = data.hint;
  button.onclick = () => {
    if (!window.isSecureContext || !navigator.geolocation) {
      setTriggerValue("answer", {failed: "insecure"});
      return;
    }
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    const done = (answer) => {
      button.disabled = false;
      button.removeAttribute("aria-busy");
      setTriggerValue("answer", answer);
    };
    navigator.geolocation.getCurrentPosition(
      ({coords}) => done({longitude: coords.longitude, latitude: coords.latitude, metres: coords.accuracy}),
      (error) => done({failed: error.code === 1 ? "denied" : error.code === 3 ? "timeout" : "unavailable"}),
      {enableHighAccuracy: true, timeout: 15000, maximumAge: 60000},
    );
  };
}
