"""The demonstration's lots: two agents, four customers, six lots of different use. All names are invented.

Belongs here: data only, and how a lot of each use behaves. Coordinates are WGS-84.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from ingest.simulator.model import Gate, Habits, LotModel, Members, StayPart, Tariff, Visitors
from warehouse.services.lots import AreaDefinition, LotDefinition

_JINCHENG = LotDefinition("", "", "huadong", "jincheng", "华东智泊科技", "锦程商业管理")
_ANHE = LotDefinition("", "", "huadong", "anhe", "华东智泊科技", "安和物业服务")
_BINJIANG = LotDefinition("", "", "huanan", "binjiang", "华南泊易停车管理", "滨江医疗后勤")
_TONGDA = LotDefinition("", "", "huanan", "tongda", "华南泊易停车管理", "通达枢纽运营")

_MOBILE = {"wechat": 0.53, "alipay": 0.28, "cash": 0.09, "qr": 0.05, "bank_card": 0.02, "wallet": 0.02, "iou": 0.01}
_CASH_HEAVY = {"wechat": 0.45, "alipay": 0.22, "cash": 0.24, "qr": 0.04, "receipt": 0.02, "bank_card": 0.03}
_STORED = {"wechat": 0.5, "alipay": 0.27, "cash": 0.06, "stored_value": 0.1, "wallet": 0.05, "qr": 0.02}


def _hours(**weights: float) -> tuple[float, ...]:
    """24 weights, linear between the given hours: ``_hours(h7=1, h9=10, h18=2)``; 0.02 where nothing is said."""
    points = sorted((int(name[1:]), weight) for name, weight in weights.items())
    points = [(points[0][0] - 1, 0.02), *points, (points[-1][0] + 1, 0.02)]
    values = [0.02] * 24
    for (left, low), (right, high) in pairwise(points):
        for hour in range(max(left, 0), min(right, 23) + 1):
            values[hour] = max(values[hour], low + (high - low) * (hour - left) / (right - left))
    return tuple(values)


_OFFICE = LotModel(
    definition=replace(
        _JINCHENG,
        code="JC-TOWER",
        name="锦程国际中心地下车库",
        region="上海浦东",
        address="上海市浦东新区锦程路88号",
        longitude=121.5121,
        latitude=31.2363,
        capacity=420,
    ),
    home_plates=("沪A", "沪B", "沪C", "沪F", "苏E", "浙A"),
    gates=(
        Gate("n-in", "北入口", "entry", "地下一层", 0.6),
        Gate("s-in", "南入口", "entry", "地下一层", 0.4),
        Gate("n-out", "北出口", "exit", "地下一层", 0.55, booth="北出口岗亭"),
        Gate("s-out", "南出口", "exit", "地下一层", 0.45),
    ),
    tariff=Tariff(15, 60, 1000, 30, 500, 8000),
    visitors=Visitors(
        per_day=(360, 370, 380, 370, 350, 90, 60),
        workday_hours=_hours(h7=1, h9=9, h11=8, h14=9, h17=4, h20=1),
        weekend_hours=_hours(h9=2, h13=4, h18=2),
        stays=(StayPart(0.72, 55, 0.8), StayPart(0.28, 210, 0.5)),
    ),
    members=Members(270, 0.87, 0.12, (8.7, 0.7), (9.6, 1.2), 80000),
    method_shares=_STORED,
    habits=Habits(coupon=0.12, invoice=0.09),
)
_MALL = LotModel(
    definition=replace(
        _JINCHENG,
        code="JC-MALL",
        name="锦程天地购物中心",
        region="上海浦东",
        address="上海市浦东新区锦程路120号",
        longitude=121.5187,
        latitude=31.2318,
        capacity=680,
        areas=(AreaDefinition("b1", "地下一层", capacity=300), AreaDefinition("b2", "地下二层", capacity=380)),
    ),
    home_plates=("沪A", "沪D", "沪E", "沪G", "沪N", "苏E", "浙F"),
    gates=(
        Gate("1-in", "1号入口", "entry", "地下一层", 0.4),
        Gate("2-in", "2号入口", "entry", "地下二层", 0.35),
        Gate("3-in", "3号入口", "entry", "地下二层", 0.25),
        Gate("1-out", "1号出口", "exit", "地下一层", 0.5, booth="1号岗亭"),
        Gate("2-out", "2号出口", "exit", "地下二层", 0.5),
    ),
    tariff=Tariff(15, 60, 800, 60, 600, 6000),
    visitors=Visitors(
        per_day=(1250, 1230, 1280, 1330, 1750, 2550, 2400),
        workday_hours=_hours(h9=1, h11=6, h13=5, h16=5, h18=10, h20=6, h22=1),
        weekend_hours=_hours(h9=2, h11=8, h14=10, h17=9, h19=7, h22=1),
        stays=(StayPart(0.2, 22, 0.6), StayPart(0.65, 105, 0.5), StayPart(0.15, 195, 0.35)),
    ),
    members=Members(60, 0.9, 0.75, (9.4, 0.6), (11.0, 1.0), 60000),
    method_shares=_MOBILE,
    habits=Habits(coupon=0.34, prepaid=0.55, snapshots=True),
    pay_stations=3,
    displays=3,
)
_HOSPITAL = LotModel(
    definition=replace(
        _BINJIANG,
        code="BJ-HOSPITAL",
        name="滨江区人民医院停车场",
        region="杭州滨江",
        address="浙江省杭州市滨江区江晖路9号",
        longitude=120.2052,
        latitude=30.2061,
        capacity=300,
    ),
    home_plates=("浙A", "浙D", "浙F", "浙G", "皖A"),
    gates=(
        Gate("e-in", "门诊入口", "entry", "门诊", 0.75),
        Gate("x-in", "急诊入口", "entry", "急诊", 0.25),
        Gate("e-out", "门诊出口", "exit", "门诊", 0.7, booth="门诊岗亭"),
        Gate("x-out", "急诊出口", "exit", "急诊", 0.3, booth="急诊岗亭"),
    ),
    tariff=Tariff(30, 120, 500, 60, 300, 3000),
    visitors=Visitors(
        per_day=(1080, 1010, 980, 960, 900, 640, 560),
        workday_hours=_hours(h5=0.5, h7=7, h8=10, h10=8, h12=4, h14=7, h17=3, h20=1.5, h23=0.5),
        weekend_hours=_hours(h6=0.5, h8=7, h10=6, h14=5, h18=2, h23=0.5),
        stays=(StayPart(0.3, 26, 0.7), StayPart(0.62, 105, 0.5), StayPart(0.08, 620, 0.7)),
    ),
    members=Members(70, 0.8, 0.45, (7.6, 0.4), (9.2, 1.0), 30000),
    method_shares=_CASH_HEAVY,
    habits=Habits(waived=0.02, escaped=0.007, manual_release=0.015, outages_per_day=0.14),
)
_GARDEN = LotModel(
    definition=replace(
        _ANHE,
        code="AH-GARDEN",
        name="安和云庭小区",
        region="杭州西湖",
        address="浙江省杭州市西湖区云庭路16号",
        longitude=120.1018,
        latitude=30.2717,
        capacity=560,
        areas=(AreaDefinition("garage", "地下车库", is_inner=True, capacity=400),),
    ),
    home_plates=("浙A", "浙A", "浙B", "浙D", "沪A"),
    gates=(
        Gate("w-in", "西大门入口", "entry", "小区", 0.7),
        Gate("e-in", "东大门入口", "entry", "小区", 0.3),
        Gate("w-out", "西大门出口", "exit", "小区", 0.7, booth="西门岗亭"),
        Gate("e-out", "东大门出口", "exit", "小区", 0.3),
        Gate("g-in", "车库入口", "entry", "地下车库", inner_area_id="garage"),
        Gate("g-out", "车库出口", "exit", "地下车库", inner_area_id="garage"),
    ),
    tariff=Tariff(30, 120, 500, 60, 200, 2000),
    visitors=Visitors(
        per_day=(150, 150, 155, 150, 175, 240, 230),
        workday_hours=_hours(h7=2, h10=4, h12=4, h17=6, h19=8, h22=1),
        weekend_hours=_hours(h8=2, h10=6, h14=5, h18=8, h22=1),
        stays=(StayPart(0.4, 18, 0.6), StayPart(0.48, 130, 0.6), StayPart(0.12, 720, 0.3)),
    ),
    members=Members(430, 0.9, 0.84, (18.6, 1.3), (13.2, 1.4), 30000, overnight=True),
    method_shares=_STORED,
    habits=Habits(manual_release=0.012, faults_per_day=0.4),
)
_STATION = LotModel(
    definition=replace(
        _TONGDA,
        code="TD-STATION",
        name="城东高铁站P1停车场",
        region="杭州上城",
        address="浙江省杭州市上城区站前路1号",
        longitude=120.2133,
        latitude=30.2909,
        cutover_minutes=240,
        capacity=520,
    ),
    home_plates=("浙A", "浙F", "浙E", "浙D", "皖B", "苏E", "沪A"),
    gates=(
        Gate("a-in", "A入口", "entry", "P1", 0.55),
        Gate("b-in", "B入口", "entry", "P1", 0.45),
        Gate("a-out", "A出口", "exit", "P1", 0.4, booth="A出口岗亭"),
        Gate("b-out", "B出口", "exit", "P1", 0.35, booth="B出口岗亭"),
        Gate("c-out", "C出口", "exit", "P1", 0.25),
    ),
    tariff=Tariff(10, 30, 500, 30, 400, 7000),
    visitors=Visitors(
        per_day=(1350, 1220, 1240, 1360, 1820, 1600, 1780),
        workday_hours=_hours(h4=0.3, h6=4, h8=8, h12=7, h17=10, h21=7, h23=2),
        weekend_hours=_hours(h4=0.3, h6=5, h9=9, h14=8, h18=10, h21=8, h23=2),
        stays=(StayPart(0.66, 17, 0.6), StayPart(0.2, 58, 0.6), StayPart(0.14, 1150, 0.7)),
    ),
    members=Members(40, 0.7, 0.7, (6.5, 1.2), (11.0, 2.0), 50000),
    method_shares=_CASH_HEAVY,
    habits=Habits(
        no_plate=0.012, misread=0.014, weak_device="c-out", faults_per_day=0.9, snapshots=True, resets_clock=True
    ),
    pay_stations=2,
    displays=2,
)
_STREET = LotModel(
    definition=replace(
        _ANHE,
        code="AH-STREET",
        name="老街文化广场停车场",
        region="上海徐汇",
        address="上海市徐汇区田林街道31号",
        longitude=121.4203,
        latitude=31.1716,
        capacity=96,
    ),
    home_plates=("沪A", "沪B", "沪K", "沪L", "苏A"),
    gates=(
        Gate("in", "广场入口", "entry", "地面"),
        Gate("out", "广场出口", "exit", "地面", booth="广场岗亭"),
    ),
    tariff=Tariff(10, 60, 700, 30, 400, 5000),
    visitors=Visitors(
        per_day=(330, 330, 340, 350, 440, 560, 540),
        workday_hours=_hours(h8=2, h10=5, h12=8, h15=6, h18=9, h21=3),
        weekend_hours=_hours(h8=2, h11=8, h15=9, h19=8, h22=2),
        stays=(StayPart(0.35, 25, 0.6), StayPart(0.65, 95, 0.5)),
    ),
    members=Members(14, 0.8, 0.5, (8.6, 0.6), (9.5, 1.0), 40000),
    method_shares=_CASH_HEAVY,
    habits=Habits(clock_drift_seconds=74.0, outages_per_day=0.3, escaped=0.012),
)

DEMO_LOTS: tuple[LotModel, ...] = (_OFFICE, _MALL, _HOSPITAL, _GARDEN, _STATION, _STREET)
"""Six lots: office, mall, hospital, residential with a nested garage, station, small square with a drifting clock."""
