"""Occupancy forecast of the next hours, and how good it has been.

Belongs here: the forecast, its back-test, and which lots are about to fill. Does not belong here: alarms about it.

How it is made, for each lot: what is usual is the median, over the same weekday and hour of the last four weeks, of how
the cars in the lot changed over the next hours. The forecast is the cars of now plus the usual change; farther ahead it
leans more on the usual level, 5 % an hour. The back-test makes the same forecast at every full hour of the last four
weeks from what came before it; its errors give the interval (eight of ten lay inside) and are shown beside those of the
simplest forecast there is: the same hour last week.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from warehouse.lake.reader import Reader
from warehouse.reports import base
from warehouse.reports.columns import average, boolean, instant, integer, ratio
from warehouse.reports.period import Grain
from warehouse.reports.pieces import LOT, LOT_CODE, choice, yes_no_filter
from warehouse.reports.table import TableReport
from warehouse.security.scope import EVERYTHING, Scope

HOURS_AHEAD: Final = 6
NEARLY_FULL_PERCENT: Final = 95
_WEEKS: Final = 4
_TESTED_DAYS: Final = 28

_WEEK_HOURS: Final = 168
_WEIGHT: Final = "((105 - 5 * ahead) / 100.0)"
_STEPS: Final = tuple(range(1, HOURS_AHEAD + 1))
_PAST: Final = tuple(range(1, _WEEKS + 1))


def _before(weeks: int, ahead: int) -> str:
    """The column with the cars ``ahead`` hours after the same hour ``weeks`` weeks ago."""
    return f"w{weeks}_{ahead}"


# Shifts over a series without gaps: joining each hour with its weeks and horizons took a hundred times as long.
_SHIFTED: Final = ", ".join(
    f"lag(cars, {weeks * _WEEK_HOURS - ahead}) over lot as {_before(weeks, ahead)}"
    for weeks in _PAST
    for ahead in (0, *_STEPS)
) + "".join(f", lead(cars, {ahead}) over lot as later_{ahead}" for ahead in _STEPS)


def _lists(of: str) -> str:
    """A list for each horizon of ``of``; {then} and {later} stand for the cars of then and of some hours later."""
    lists = [", ".join(of.format(then=_before(weeks, 0), later=_before(weeks, k)) for weeks in _PAST) for k in _STEPS]
    return ", ".join(f"[{one}]" for one in lists)


# A business day that starts within an hour has two rows of that hour.
_HOURS: Final = f"""
    hour_of_lot as materialized (
        select lot_id, hour_started_at, min_by(opening, business_date) as cars
        from {{rpt_occupancy_hour}}
        where business_date >= ($as_of::timestamptz)::date - {{days}} and hour_started_at <= $as_of::timestamptz
        group by lot_id, hour_started_at
    ),
    heard as (
        select distinct lot_id from {{rpt_upload_hour}}
        where business_date >= ($as_of::timestamptz)::date - 2
            and hour_started_at > $as_of::timestamptz - interval 3 hour
    ),
    present as materialized (
        select o.lot_id, max_by(o.closing, o.hour_started_at) as cars,
            date_trunc('hour', $as_of::timestamptz) as hour_now,
            (epoch($as_of::timestamptz) - epoch(date_trunc('hour', $as_of::timestamptz))) / 3600 as elapsed
        from {{rpt_occupancy_hour}} as o semi join heard on heard.lot_id = o.lot_id
        where o.business_date >= ($as_of::timestamptz)::date - 2 and o.hour_started_at <= $as_of::timestamptz
        group by o.lot_id
    ),
    series as (
        select grid.lot_id, grid.hour_at, h.cars
        from (
            select p.lot_id, unnest(generate_series(
                date_trunc('hour', $as_of::timestamptz) - to_hours(24 * {{days}}),
                date_trunc('hour', $as_of::timestamptz) + interval 1 hour, interval 1 hour
            )) as hour_at
            from present as p
        ) as grid
        left join hour_of_lot as h on h.lot_id = grid.lot_id and h.hour_started_at = grid.hour_at
    ),
    shifted as (
        select lot_id, hour_at, cars, {_SHIFTED} from series window lot as (partition by lot_id order by hour_at)
    ),
    at_each_hour as (
        select lot_id, hour_at, cars, unnest([{", ".join(map(str, _STEPS))}]) as ahead,
            unnest([{", ".join(f"later_{ahead}" for ahead in _STEPS)}]) as found,
            unnest([{_lists("{later} - {then}")}]) as changes,
            unnest([{_lists("case when {then} is not null then {later} end")}]) as levels
        from shifted
        where hour_at >= date_trunc('hour', $as_of::timestamptz) - to_hours({{tested_hours}})
    ),
    usual as materialized (
        select lot_id, hour_at, cars, ahead, found, list_aggregate(changes, 'median') as change,
            list_aggregate(levels, 'median') as level, levels[1] as last_week
        from at_each_hour where list_aggregate(changes, 'count') >= 2
    ),
    quality as (
        select lot_id, ahead, count(*) as cases, avg(abs(said - found)) as error,
            avg(abs(last_week - found)) as week_error,
            quantile_cont(found - said, 0.1) as below, quantile_cont(found - said, 0.9) as above
        from (
            select *, greatest(0, {{weight}} * (cars + change) + (1 - {{weight}}) * level) as said from usual
            where cars is not null and found is not null and last_week is not null and {{tested_hours}} > 0
        ) group by lot_id, ahead
    ),
    -- Between two full hours, what is usual lies between what is usual at each of them.
    next_hours as (
        select p.lot_id, u.ahead, p.cars,
            sum(u.change * case when u.hour_at = p.hour_now then 1 - p.elapsed else p.elapsed + 0.000001 end)
                / sum(case when u.hour_at = p.hour_now then 1 - p.elapsed else p.elapsed + 0.000001 end) as change,
            sum(u.level * case when u.hour_at = p.hour_now then 1 - p.elapsed else p.elapsed + 0.000001 end)
                / sum(case when u.hour_at = p.hour_now then 1 - p.elapsed else p.elapsed + 0.000001 end) as level
        from present as p join usual as u on u.lot_id = p.lot_id and u.hour_at >= p.hour_now
        group by p.lot_id, u.ahead, p.cars
    ),
    forecast as materialized (
        select lot_id, ahead, cars,
            greatest(0, {{weight}} * (cars + change) + (1 - {{weight}}) * level) as said
        from next_hours
    )
"""


def _fragments(*, is_tested: bool) -> dict[str, str]:
    days = 7 * _WEEKS + 2 + (_TESTED_DAYS if is_tested else 0)
    return {"weight": _WEIGHT, "days": str(days), "tested_hours": str(24 * _TESTED_DAYS if is_tested else 0)}


def _end(error: str) -> str:
    """An end of the interval: no cars at the least, and nothing where there was no back-test."""
    return f"round(case when q.{error} is not null then greatest(0, f.said + q.{error}) end)::bigint"


_SQL: Final = f"""
    with {_HOURS},
    whole as (
        select f.lot_id, f.ahead, f.cars, round(f.said)::bigint as forecast,
            {_end("below")} as low, {_end("above")} as high,
            c.spaces, round(100 * q.error)::bigint as error, round(100 * q.week_error)::bigint as week_error,
            coalesce(q.cases, 0) as cases, l.name as lot_name, l.code as lot_code,
            timezone(l.time_zone, $as_of::timestamptz + to_hours(f.ahead)) as at
        from forecast as f
        join {{dim_lot}} as l on l.lot_id = f.lot_id
        left join quality as q on q.lot_id = f.lot_id and q.ahead = f.ahead
        left join {{dim_capacity}} as c on c.lot_id = f.lot_id and c.area_id is null
            and c.valid_from <= timezone(l.time_zone, $as_of::timestamptz)::date
            and (c.valid_to is null or c.valid_to > timezone(l.time_zone, $as_of::timestamptz)::date)
        where not l.is_test and not l.is_void
    ),
    told as (
        select *, greatest(spaces - forecast, 0) as free_spaces, per_ten_thousand(forecast, spaces) as share,
            coalesce(100 * forecast >= {NEARLY_FULL_PERCENT} * spaces, false) as is_nearly_full,
            per_ten_thousand(week_error - error, week_error) as better
        from whole
    )
    select * from told as s where true{{filters}}
"""


def _weighted(key: str) -> str:
    return f"rounded(sum({key} * cases)::hugeint, sum(cases)::hugeint)"


FORECAST: Final = TableReport(
    name="forecast",
    zh="车位预测",
    en="Occupancy forecast",
    about_zh="每个停车场每个预测时点一行:当前在场车辆加上近四周同一星期几、同一时刻变化的中位数;"
    "区间为回测中八成情况落入的范围。",
    about_en="One row per lot and hour ahead: the cars of now plus the median change at the same weekday and hour "
    "of the last four weeks; eight of ten back-tests lay inside the interval.",
    columns=(
        LOT,
        integer("ahead", "几小时后", "Hours ahead", total=None),
        instant("at", "预测时点", "Forecast for"),
        integer("cars", "当前在场", "Cars now", total=None),
        integer("forecast", "预测在场", "Forecast cars", total=None),
        integer("low", "下限", "Low", total=None),
        integer("high", "上限", "High", total=None),
        integer("spaces", "车位数", "Spaces", total=None),
        integer("free_spaces", "预测余位", "Forecast free", total=None),
        ratio("share", "预测占用率", "Forecast occupancy"),
        boolean("is_nearly_full", "即将满位", "Nearly full"),
        average("error", "回测平均误差", "Mean error", total=_weighted("error")),
        average("week_error", "上周同时刻误差", "Error of last week's hour", total=_weighted("week_error")),
        ratio(
            "better",
            "误差减少",
            "Error less by",
            total="per_ten_thousand((sum(week_error * cases) - sum(error * cases))::bigint, "
            "sum(week_error * cases)::bigint)",
        ),
        integer("cases", "回测次数", "Back-tests"),
        LOT_CODE,
    ),
    grain=Grain.NONE,
    parameters=(
        choice(
            "ahead",
            "几小时后,all 为全部",
            "hours ahead, or all",
            ("1", "2", "3", "4", "5", "6", "all"),
            "1",
            "$ahead = 'all' or s.ahead = try_cast($ahead as integer)",
        ),
        yes_no_filter("nearly_full", "即将满位", "nearly full", "s.is_nearly_full"),
        choice("backtest", "是否回测", "whether to test it back", ("yes", "no"), "yes"),
    ),
    totals_row=False,
    listed=False,
    sql=_SQL,
    order="share desc nulls last, lot_id, ahead",
    fragments=lambda question: _fragments(is_tested=question.values["backtest"] == "yes"),
)

FORECAST_COURSE: Final = TableReport(
    name="forecast-course",
    zh="占用走势与预测",
    en="Course and forecast of occupancy",
    about_zh="过去一天每个整点的在场车辆,与未来几小时的预测。",
    about_en="Cars at each full hour of the last day, and the forecast of the next hours.",
    columns=(
        LOT,
        instant("at", "时间", "Time"),
        integer("cars", "在场车辆", "Cars", total=None),
        integer("forecast", "预测", "Forecast", total=None),
        integer("low", "下限", "Low", total=None),
        integer("high", "上限", "High", total=None),
        LOT_CODE,
    ),
    grain=Grain.NONE,
    totals_row=False,
    listed=False,
    sql=f"""
        with {_HOURS},
        course as (
            select lot_id, hour_started_at as moment, cars, null::bigint as forecast, null::bigint as low,
                null::bigint as high
            from hour_of_lot where hour_started_at > $as_of::timestamptz - interval 24 hour
            union all
            select lot_id, $as_of::timestamptz, cars, cars, cars, cars from present
            union all
            select f.lot_id, $as_of::timestamptz + to_hours(f.ahead), null, round(f.said)::bigint,
                {_end("below")}, {_end("above")}
            from forecast as f left join quality as q on q.lot_id = f.lot_id and q.ahead = f.ahead
        )
        select s.*, timezone(l.time_zone, s.moment) as "at", l.name as lot_name, l.code as lot_code
        from course as s join {{dim_lot}} as l on l.lot_id = s.lot_id
    """,
    order="lot_id, moment, cars nulls last",
    fragments=lambda _question: _fragments(is_tested=True),
)


@dataclass(frozen=True)
class NearlyFull:
    """A lot that is forecast to be nearly full in an hour."""

    lot_id: int
    lot_code: str
    cars: int
    forecast: int
    spaces: int
    made_at: datetime


def lots_about_to_fill(reader: Reader, scope: Scope = EVERYTHING) -> list[NearlyFull]:
    """The lots that are forecast to be at least 95 % full in an hour, the fullest first; without the back-test.

    Raises:
        ParkError: nothing is published yet.
    """
    asked: dict[str, Any] = {"ahead": "1", "nearly_full": "yes", "backtest": "no"}
    with base.stream(FORECAST, reader, scope, asked) as whole:
        result = replace(whole.result, rows=[row for batch in whole.batches for row in batch])
    ids = {lot.code: lot.lot_id for lot in result.question.known_lots}
    return [
        NearlyFull(
            ids[row["lot_code"]], row["lot_code"], row["cars"], row["forecast"], row["spaces"], result.data_as_of
        )
        for row in result.records()
    ]
