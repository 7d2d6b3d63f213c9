"""The manual's printed money tables, from the marts that underlie them."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest

from tests.integration.reports.lake import Lake, device, dim_lot, fee_day, renewal_day, stay
from warehouse.lake.reader import Reader
from warehouse.reports.base import stream
from warehouse.reports.catalogue import find
from warehouse.reports.export import write_csv
from warehouse.security.scope import EVERYTHING

DAILY = """地区,停车场,岗亭,总计,抵扣,其它,实收金额,支付宝,微信,现金,其它支付
浙江省富阳区大源镇45号,wxt测试停车场,,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00
,杭州测试停车场ZW,,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00
浙江省余杭区闲林街道130,嘉里城东北区,岗亭,20.00,405.00,0.00,20.00,0.00,0.00,20.00,0.00
浙江省余杭区闲林街道130,嘉里城东北区,手动开闸,70.00,0.00,0.00,70.00,65.00,5.00,0.00,0.00
,杭州测试ZL,出口,1.06,0.00,0.00,1.06,0.00,0.00,0.00,1.06
合计,,,91.06,405.00,0.00,91.06,65.00,5.00,20.00,1.06
"""
TEMPORARY = """停车场名称,现金,银行卡,白条,储值卡,APP支付宝,APP微信支付,APP扫码,小票金额,总金额
wxt测试停车场,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00
杭州测试停车场ZW,13.03,0.00,0.00,0.00,0.00,0.00,0.00,0.00,13.03
嘉里城东北区,20.00,0.00,0.00,0.00,65.00,5.00,0.00,0.00,90.00
杭州测试ZL,0.00,0.00,1.06,0.00,0.00,0.00,0.00,0.00,1.06
合计,33.03,0.00,1.06,0.00,65.00,5.00,0.00,0.00,104.09
"""
RENEWAL = """停车场名称,现金,银行卡,白条,储值卡,APP支付宝,APP微信支付,APP钱包,总金额
wxt测试停车场,0.03,0.00,0.00,0.00,0.00,0.00,0.00,0.03
杭州测试停车场ZW,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00
嘉里城东北区,1820.00,0.00,0.00,0.00,0.00,0.00,0.00,1820.00
杭州测试ZL,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00
合计,1820.03,0.00,0.00,0.00,0.00,0.00,0.00,1820.03
"""
EXITS = """停车场名称,出口控制机,车牌,车辆类型,车主姓名,收费类型,进场时间,出场时间,出场方式,停车时长,备注
嘉里城东北区,出口控制器,浙A8298P,临时车,,临时车,2019-05-08 13:17:53,2019-05-08 13:19:29,自动放行,1分钟36秒,
嘉里城东北区,出口控制器,浙B11U1,临时车,,临时车,2019-05-08 11:38:55,2019-05-08 13:19:24,软件放行,1小时40分钟29秒,
嘉里城东北区,出口控制器,鲁F69Y07,长期车,初建春,长期车,2019-05-08 08:41:19,2019-05-08 13:17:27,自动放行,4小时36分钟8秒,
"""
CONTROLLERS = """编号,停车场名称,区域,出入口名称,出入口类型,控制机名称,控制机IP,计算机IP,通行车辆类型,虚拟,状态
01,嘉里城东北区,嘉里城,入口,入口,入口控制器,192.168.1.10,192.168.1.9,"长期车,临时车",否,不在线
02,嘉里城东北区,嘉里城,出口,出口,出口控制器,192.168.1.13,192.168.1.9,"长期车,临时车",否,在线
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    from warehouse.settings import Settings

    lake = Lake(Settings(home=tmp_path_factory.mktemp("golden")))
    lake.add(
        "dim_lot",
        [
            dim_lot(1, "WXT", "wxt测试停车场", address="浙江省富阳区大源镇45号"),
            dim_lot(2, "ZW", "杭州测试停车场ZW"),
            dim_lot(3, "JLC", "嘉里城东北区", address="浙江省余杭区闲林街道130"),
            dim_lot(4, "ZL", "杭州测试ZL"),
        ],
    )
    lake.add(
        "rpt_fee_day",
        [
            fee_day(3, "2019-05-08", "岗亭", discount="405", cash="20"),
            fee_day(3, "2019-05-08", "手动开闸", alipay="65", wechat="5"),
            fee_day(4, "2019-05-08", "出口", iou="1.06"),
            fee_day(2, "2019-05-20", "岗亭", cash="13.03"),
            fee_day(2, "2019-06-01", "岗亭", cash="1000"),
            fee_day(2, "2019-05-08", "岗亭", cash="1000") | {"basis": "exit"},
        ],
    )
    lake.add(
        "rpt_renewal_day",
        [
            renewal_day(1, "2019-05-31", cash="0.03"),
            renewal_day(3, "2019-05-01", cash="1820"),
            renewal_day(3, "2019-05-01", "top_up", cash="77"),
        ],
    )
    exits = {"exit_controller_id": "c2", "exit_gate_id": "g2"}
    lake.add(
        "fct_stay",
        [
            stay(3, 1, "2019-05-08 13:17:53", "2019-05-08 13:19:29", plate="浙A8298P", **exits),
            stay(3, 2, "2019-05-08 11:38:55", "2019-05-08 13:19:24", plate="浙B11U1", release_mode="software", **exits),
            stay(
                3, 3, "2019-05-08 08:41:19", "2019-05-08 13:17:27", plate="鲁F69Y07", vehicle_class="long_term",
                charge_class="long_term", owner_name="初建春", **exits,
            ),
        ],
    )  # fmt: skip
    common = {"area_name": "嘉里城", "host_ip": "192.168.1.9", "vehicle_classes": "long_term,temporary"}
    lake.add(
        "dim_device",
        [
            device(3, "c1", "controller", "01", name="入口控制器", gate_id="g1", gate_name="入口", direction="entry",
                   ip="192.168.1.10", state="offline", **common),
            device(3, "c2", "controller", "02", name="出口控制器", gate_id="g2", gate_name="出口", direction="exit",
                   ip="192.168.1.13", **common),
        ],
    )  # fmt: skip
    lake.publish()
    return Reader(lake.settings)


@pytest.mark.parametrize(
    ("name", "period", "expected"),
    [
        ("daily-report", {"from": "2019-05-08", "to": "2019-05-09"}, DAILY),
        ("temporary-fee-statistics", {"from": "2019-05-01", "to": "2019-06-01"}, TEMPORARY),
        ("renewal-statistics", {"from": "2019-05-01", "to": "2019-06-01"}, RENEWAL),
        ("exit-records", {"from": "2019-05-08", "to": "2019-05-09"}, EXITS),
        ("gate-controllers", {}, CONTROLLERS),
    ],
)
def test_a_printed_table_comes_out_cell_for_cell(
    reader: Reader, name: str, period: dict[str, str], expected: str
) -> None:
    import csv

    with stream(find(name), reader, EVERYTHING, period, "zh") as whole:
        text = io.StringIO()
        write_csv(text, whole.result, whole.batches)
    wanted = list(csv.reader(io.StringIO(expected)))
    found = list(csv.reader(io.StringIO(text.getvalue())))
    assert [row[: len(wanted[0])] for row in found] == wanted


def test_every_amount_of_the_daily_report_is_exact(reader: Reader) -> None:
    with stream(find("daily-report"), reader, EVERYTHING, {"from": "2019-05-01", "to": "2019-06-02"}) as whole:
        rows = [row for batch in whole.batches for row in batch]
        assert sum(row[3] for row in rows) == whole.result.totals["charged"] == Decimal("1104.09")
