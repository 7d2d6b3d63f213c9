"""Figures of the home page (manual 3.3), each beside the previous day and the same weekday of the week before.

Belongs here: small reports for one screen; ``park reports`` does not list them. The day is ``from``, by default the day
that the data reach. "previous" means the day before, "previous_week" the day seven days before, each up to the same
time of day on the lot's own clock, so that half a day is never compared with a whole one; "previous_day" means all of
the day before.
"""

from __future__ import annotations

from typing import Any, Final

from warehouse.reports.alarm import ALARM_COLUMNS, ALARM_JOINS, ALARM_SELECT, ALARM_SOURCE
from warehouse.reports.columns import boolean, code, instant, integer, money, ratio, text
from warehouse.reports.listing import ListReport, Source
from warehouse.reports.period import Grain
from warehouse.reports.pieces import LOT, LOT_CODE, METHODS, SUM_OF_METHODS
from warehouse.reports.table import TableReport

_ABOUT_ZH: Final = "首页数据;对比为前一日与上周同日的同一时刻。"
_ABOUT_EN: Final = (
    "For the home page; compared with the day before and the same weekday a week before, same time of day."
)

_DAYS: Final = "business_date in ($from_day::date, $from_day::date - 1, $from_day::date - 7)"
_TODAY: Final = "business_date = $from_day"
_YESTERDAY: Final = "business_date = $from_day::date - 1"
_LAST_WEEK: Final = "business_date = $from_day::date - 7"
# The lots' wall clocks at the time the data reach: where clocks are put forward or back, a day is not 24 hours.
_CLOCK: Final = "wall as (select lot_id, timezone(time_zone, $as_of::timestamptz) as wall_time from {dim_lot})"
_BY_NOW: Final = "local_at <= wall_time - to_days(($from_day::date - business_date)::int)"


def _with_clock(relation: str) -> str:
    return f"(select * from {relation} where {_DAYS}) left join wall using (lot_id)"


def _sums(expression: str, name: str) -> str:
    return (
        f"coalesce(sum({expression}) filter (where {_TODAY}), 0) as {name},"
        f" coalesce(sum({expression}) filter (where {_YESTERDAY} and {_BY_NOW}), 0) as previous_{name},"
        f" coalesce(sum({expression}) filter (where {_YESTERDAY}), 0) as previous_day_{name},"
        f" coalesce(sum({expression}) filter (where {_LAST_WEEK} and {_BY_NOW}), 0) as previous_week_{name}"
    )


def _table(**given: Any) -> TableReport:
    return TableReport(about_zh=_ABOUT_ZH, about_en=_ABOUT_EN, grain=Grain.DAY, listed=False, **given)


# Each method summed by part of the three days in one pass, then each part told by method.
_METHOD_NAMES: Final = ", ".join(f"'{method}'" for method in METHODS)


def _parts(relation: str, what: str) -> str:
    return (
        f"select '{what}' as what, business_date, is_by_now, unnest([{_METHOD_NAMES}]) as method,"
        f" unnest([{', '.join(METHODS)}]) as amount from (select business_date,"
        f" coalesce({_BY_NOW}, false) as is_by_now, {SUM_OF_METHODS}"
        f" from {_with_clock(relation)} group by all)"
    )


def _of_parts(what: str) -> str:
    amount = "coalesce(sum(amount) filter (where what = '{}' and {}), 0) as {}".format
    return ", ".join(
        amount(what, *part)
        for part in (
            (_TODAY, what),
            (f"{_YESTERDAY} and is_by_now", f"previous_{what}"),
            (_YESTERDAY, f"previous_day_{what}"),
            (f"{_LAST_WEEK} and is_by_now", f"previous_week_{what}"),
        )
    )


HOME_RECEIPTS: Final = _table(
    name="home-receipts",
    zh="今日收款",
    en="Receipts today",
    columns=(
        code("method", "支付方式", "Method"),
        money("received", "临时车实收", "Temporary fees"),
        money("previous_received", "昨日同时实收", "Same time the day before"),
        money("previous_day_received", "昨日实收", "Day before"),
        money("previous_week_received", "上周同日同时实收", "Same weekday and time, week before"),
        money("renewed", "续费", "Renewals"),
        money("previous_renewed", "昨日同时续费", "Renewals, same time the day before"),
        money("previous_day_renewed", "昨日续费", "Renewals, day before"),
        money("previous_week_renewed", "上周同日同时续费", "Renewals, same weekday and time, week before"),
    ),
    sql=f"""
        with {_CLOCK}, part as (
            {_parts("{fct_charge}", "received")}
            union all
            {_parts("(select * from {fct_renewal} where kind = 'renewal')", "renewed")}
        )
        select list_position([{_METHOD_NAMES}], method) as place, method,
            {_of_parts("received")}, {_of_parts("renewed")}
        from (select unnest([{_METHOD_NAMES}]) as method) left join part using (method) group by method
    """,
    order="place",
)

HOME_TRAFFIC_HOURS: Final = _table(
    name="home-traffic-hours",
    zh="今日车流",
    en="Traffic today",
    columns=(
        text("hour", "小时", "Hour"),
        integer("entries", "进场", "Entries"),
        integer("exits", "出场", "Exits"),
        integer("previous_entries", "昨日进场", "Entries, day before"),
        integer("previous_exits", "昨日出场", "Exits, day before"),
        integer("previous_week_entries", "上周同日进场", "Entries, same weekday of the week before"),
        integer("previous_week_exits", "上周同日出场", "Exits, same weekday of the week before"),
    ),
    sql=f"""
        with clock as (select unnest(generate_series(0, 23)) as place),
        uploaded as (
            select hour(local_hour) as place, bool_or({_TODAY}) as today, bool_or({_YESTERDAY}) as yesterday,
                bool_or({_LAST_WEEK}) as last_week
            from {{rpt_upload_hour}} where {_DAYS} group by all
        ),
        counted as (
            select hour(local_hour) as place,
                sum(entries) filter (where {_TODAY}) as entries, sum(exits) filter (where {_TODAY}) as exits,
                sum(entries) filter (where {_YESTERDAY}) as previous_entries,
                sum(exits) filter (where {_YESTERDAY}) as previous_exits,
                sum(entries) filter (where {_LAST_WEEK}) as previous_week_entries,
                sum(exits) filter (where {_LAST_WEEK}) as previous_week_exits
            from {{rpt_traffic_hour}} where {_DAYS} and not is_inner group by all
        )
        select place, format('{{:02d}}:00', place) as hour,
            case when today then coalesce(entries, 0) else entries end as entries,
            case when today then coalesce(exits, 0) else exits end as exits,
            case when yesterday then coalesce(previous_entries, 0) else previous_entries end as previous_entries,
            case when yesterday then coalesce(previous_exits, 0) else previous_exits end as previous_exits,
            case when last_week then coalesce(previous_week_entries, 0) else previous_week_entries
                end as previous_week_entries,
            case when last_week then coalesce(previous_week_exits, 0) else previous_week_exits
                end as previous_week_exits
        from clock left join uploaded using (place) left join counted using (place)
    """,
    order="place",
)

# Cars in each lot at the end of the hour that the data reach, and of the same hour one day and seven days earlier.
_PARKED: Final = f"""
    parked as (
        select lot_id,
            max_by(closing, hour_started_at) filter (where {_TODAY} and hour_started_at < $as_of) as cars,
            max_by(closing, hour_started_at) filter (
                where {_YESTERDAY} and local_hour < wall_time - interval 1 day
            ) as previous_cars,
            max_by(closing, hour_started_at) filter (
                where {_LAST_WEEK} and local_hour < wall_time - interval 7 day
            ) as previous_week_cars
        from {_with_clock("{rpt_occupancy_hour}")} group by lot_id
    ),
    capacity as (
        select lot_id, sum(spaces) as spaces from {{dim_capacity}}
        where area_id is null and valid_from <= $from_day and (valid_to is null or valid_to > $from_day)
        group by lot_id
    )
"""
HOME_OCCUPANCY: Final = _table(
    name="home-occupancy",
    zh="各停车场占用",
    en="Occupancy by lot",
    columns=(
        LOT,
        integer("cars", "在场车辆", "Cars in the lot"),
        integer("spaces", "车位数", "Spaces"),
        ratio(
            "share",
            "占用率",
            "Occupancy",
            total="per_ten_thousand(sum(cars), sum(spaces) filter (where cars is not null))",
        ),
        integer("previous_cars", "昨日同时在场", "Cars, same time the day before"),
        ratio(
            "previous_share",
            "昨日同时占用率",
            "Occupancy, same time the day before",
            total="per_ten_thousand(sum(previous_cars), sum(spaces) filter (where previous_cars is not null))",
        ),
        integer("previous_week_cars", "上周同日同时在场", "Cars, same weekday and time, week before"),
        integer("free_spaces", "上报余位", "Free spaces reported", total=None),
        instant("counted_at", "余位上报时间", "Reported at"),
        LOT_CODE,
    ),
    sql=f"""
        with {_CLOCK}, {_PARKED},
        free as (
            select lot_id, max_by(free_spaces, occurred_at) as free_spaces, max(local_at) as counted_at
            from {{fct_free_space}} where {_TODAY} and area_id is null and occurred_at <= $as_of group by lot_id
        )
        select l.lot_id, l.name as lot_name, l.code as lot_code, cars, spaces, previous_cars,
            previous_week_cars, free_spaces, counted_at,
            per_ten_thousand(cars, spaces) as share, per_ten_thousand(previous_cars, spaces) as previous_share
        from {{dim_lot}} as l
        left join parked on parked.lot_id = l.lot_id
        left join capacity on capacity.lot_id = l.lot_id
        left join free on free.lot_id = l.lot_id
    """,
    order="share desc nulls last, lot_id",
)


def _rate(day: str) -> str:
    whole = "online_seconds + offline_seconds + fault_seconds + unknown_seconds"
    return f"per_ten_thousand(sum(online_seconds) filter (where {day}), sum({whole}) filter (where {day}))"


_RATES: Final = f"{_rate(_YESTERDAY)} as previous_online_rate, {_rate(_LAST_WEEK)} as previous_week_online_rate"

HOME_DEVICES: Final = _table(
    name="home-devices",
    zh="设备在线",
    en="Devices online",
    columns=(
        code("device_type", "设备类型", "Device type"),
        integer("devices", "设备数", "Devices"),
        integer("online", "在线", "Online"),
        integer("offline", "不在线", "Offline"),
        integer("fault", "故障", "Fault"),
        ratio("online_share", "在线比例", "Share online", total="per_ten_thousand(sum(online), sum(devices))"),
        ratio("previous_online_rate", "昨日在线率", "Online rate, day before"),
        ratio("previous_week_online_rate", "上周同日在线率", "Online rate, same weekday of the week before"),
    ),
    sql=f"""
        with rate as (
            select device_type, {_RATES} from {{rpt_device_day}} where {_DAYS} group by device_type
        ),
        device as (
            select device_type, count(*) as devices, count(*) filter (where state = 'online') as online,
                count(*) filter (where state = 'offline') as offline, count(*) filter (where state = 'fault') as fault
            from {{dim_device}} group by device_type
        )
        select device.*, per_ten_thousand(device.online, device.devices) as online_share, previous_online_rate,
            previous_week_online_rate
        from device left join rate on rate.device_type = device.device_type
    """,
    order="device_type",
)

HOME_ALARMS: Final = ListReport(
    name="home-alarms",
    zh="未恢复警报",
    en="Open alarms",
    about_zh=_ABOUT_ZH,
    about_en=_ABOUT_EN,
    columns=(*ALARM_COLUMNS, boolean("is_new", "24小时内新增", "New in 24 hours")),
    grain=Grain.NONE,
    totals_row=False,
    listed=False,
    source=Source(
        relation=ALARM_SOURCE.relation,
        where="s.raised_at is not null and s.recovered_at is null",
        instant=ALARM_SOURCE.instant,
        record=ALARM_SOURCE.record,
        day=ALARM_SOURCE.day,
    ),
    select=ALARM_SELECT + ", s.raised_at > $as_of::timestamptz - interval 1 day as is_new",
    joins=ALARM_JOINS,
    sums={},
    sortable={"raised_at": "s.raised_at", "level": "s.level"},
)

HOME_TOTALS: Final = _table(
    name="home-totals",
    zh="首页合计",
    en="Home totals",
    totals_row=False,
    columns=(
        money("received", "临时车实收", "Temporary fees", total=None),
        money("previous_received", "昨日同时实收", "Same time the day before", total=None),
        money("previous_day_received", "昨日实收", "Day before", total=None),
        money("previous_week_received", "上周同日同时实收", "Same weekday and time, week before", total=None),
        money("renewed", "续费", "Renewals", total=None),
        money("previous_renewed", "昨日同时续费", "Renewals, same time the day before", total=None),
        money("previous_day_renewed", "昨日续费", "Renewals, day before", total=None),
        money("previous_week_renewed", "上周同日同时续费", "Renewals, same weekday and time, week before", total=None),
        integer("entries", "进场", "Entries", total=None),
        integer("previous_entries", "昨日同时进场", "Entries, same time the day before", total=None),
        integer("previous_day_entries", "昨日进场", "Entries, day before", total=None),
        integer("previous_week_entries", "上周同日同时进场", "Entries, same weekday and time, week before", total=None),
        integer("exits", "出场", "Exits", total=None),
        integer("previous_exits", "昨日同时出场", "Exits, same time the day before", total=None),
        integer("previous_day_exits", "昨日出场", "Exits, day before", total=None),
        integer("previous_week_exits", "上周同日同时出场", "Exits, same weekday and time, week before", total=None),
        integer("cars", "在场车辆", "Cars in the lots", total=None),
        integer("previous_cars", "昨日同时在场", "Cars, same time the day before", total=None),
        integer("previous_week_cars", "上周同日同时在场", "Cars, same weekday and time, week before", total=None),
        integer("spaces", "车位数", "Spaces", total=None),
        ratio("share", "占用率", "Occupancy"),
        ratio("previous_share", "昨日同时占用率", "Occupancy, same time the day before"),
        integer("devices", "设备数", "Devices", total=None),
        integer("devices_online", "在线设备", "Devices online", total=None),
        ratio("online_share", "在线比例", "Share online"),
        ratio("previous_online_rate", "昨日在线率", "Online rate, day before"),
        ratio("previous_week_online_rate", "上周同日在线率", "Online rate, same weekday of the week before"),
        integer("open_alarms", "未恢复警报", "Open alarms", total=None),
        integer("previous_open_alarms", "昨日同时未恢复警报", "Open alarms, same time the day before", total=None),
        integer(
            "previous_week_open_alarms",
            "上周同日同时未恢复警报",
            "Open alarms, same weekday and time, week before",
            total=None,
        ),
        integer("lots", "停车场数", "Lots", total=None),
        integer("silent_lots", "今日无上传停车场", "Lots without uploads", total=None),
    ),
    sql=f"""
        with {_CLOCK},
        received as (
            select {_sums("received", "received")} from {_with_clock("{fct_charge}")}
        ),
        renewed as (
            select {_sums("amount", "renewed")} from {_with_clock("{fct_renewal}")} where kind = 'renewal'
        ),
        passed as (
            select {_sums("(direction = 'entry')::int", "entries")}, {_sums("(direction = 'exit')::int", "exits")}
            from {_with_clock("{fct_passage}")} where not is_inner
        ),
        {_PARKED},
        in_lots as (
            select sum(cars) as cars, sum(previous_cars) as previous_cars,
                sum(previous_week_cars) as previous_week_cars, sum(spaces) as spaces,
                per_ten_thousand(sum(cars), sum(spaces) filter (where cars is not null)) as share,
                per_ten_thousand(
                    sum(previous_cars), sum(spaces) filter (where previous_cars is not null)
                ) as previous_share
            from capacity full join parked using (lot_id)
        ),
        device as (
            select count(*) as devices, count(*) filter (where state = 'online') as devices_online from {{dim_device}}
        ),
        rate as (
            select {_RATES} from {{rpt_device_day}} where {_DAYS}
        ),
        alarm as (
            select count(*) filter (where recovered_at is null) as open_alarms,
                count(*) filter (
                    where raised_at <= $as_of::timestamptz - interval 1 day
                        and (recovered_at is null or recovered_at > $as_of::timestamptz - interval 1 day)
                ) as previous_open_alarms,
                count(*) filter (
                    where raised_at <= $as_of::timestamptz - interval 7 day
                        and (recovered_at is null or recovered_at > $as_of::timestamptz - interval 7 day)
                ) as previous_week_open_alarms
            from {{fct_alarm}} where raised_at is not null
        ),
        lot as (
            select count(*) as lots, count(*) filter (where uploaded.lot_id is null) as silent_lots
            from {{dim_lot}} as l
            left join (select distinct lot_id from {{rpt_upload_hour}} where {_TODAY}) as uploaded
                on uploaded.lot_id = l.lot_id
        )
        select *, per_ten_thousand(devices_online, devices) as online_share
        from received cross join renewed cross join passed cross join in_lots cross join device cross join rate
        cross join alarm cross join lot
    """,
    order="lots",
)

HOME_REPORTS: Final = (HOME_TOTALS, HOME_RECEIPTS, HOME_TRAFFIC_HOURS, HOME_OCCUPANCY, HOME_DEVICES, HOME_ALARMS)
