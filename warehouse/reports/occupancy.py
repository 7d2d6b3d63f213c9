"""Occupancy: cars in the lot by hour, against the capacity in force."""

from __future__ import annotations

from typing import Final

from warehouse.reports.columns import average, boolean, instant, integer, ratio
from warehouse.reports.period import Grain
from warehouse.reports.pieces import LOT, LOT_CODE, choice
from warehouse.reports.table import TableReport

OCCUPANCY: Final = TableReport(
    name="occupancy",
    zh="车位占用",
    en="Occupancy",
    about_zh="每个停车场每小时(或每营业日)在场车辆的时间加权平均值和峰值,以及占当时车位数的比例(可超过 100%)。"
    "没有任何上传的日子没有行;当小时没有上传的标为 否。",
    about_en="Per lot and hour (or business day) the time-weighted mean and the peak of cars in the lot, and "
    "their share of the spaces in force, which may exceed 100 %. "
    "Days without uploads have no row; hours without say so.",
    columns=(
        LOT,
        instant("period", "时间", "Time"),
        average("mean_cars", "平均在场", "Mean cars"),
        integer("peak", "峰值在场", "Peak cars", total=None),
        integer("spaces", "车位数", "Spaces", total=None),
        ratio("mean_share", "平均占用率", "Mean occupancy"),
        ratio("peak_share", "峰值占用率", "Peak occupancy"),
        integer("opening", "期初在场", "Cars at the start", total=None),
        integer("closing", "期末在场", "Cars at the end", total=None),
        boolean("has_uploads", "有上传", "Uploads received"),
        LOT_CODE,
    ),
    grain=Grain.HOUR,
    parameters=(choice("by", "时间单位", "unit of time", ("hour", "day"), "hour"),),
    totals_row=False,
    sql="""
        with uploaded as (
            select lot_id, {bucket} as period, sum(records) as records
            from {rpt_upload_hour} where {period} group by all
        ),
        occupied as (
            select o.lot_id, {bucket} as period,
                sum(o.occupied_seconds) as occupied_seconds, sum(o.window_seconds) as window_seconds,
                max(o.peak) as peak, min_by(o.opening, o.hour_started_at) as opening,
                max_by(o.closing, o.hour_started_at) as closing,
                sum(o.window_seconds * c.spaces) as space_seconds, max(c.spaces) as spaces
            from (select * from {rpt_occupancy_hour} where {period}) as o
            left join {dim_capacity} as c on c.lot_id = o.lot_id and c.area_id is null
                and c.valid_from <= o.business_date and (c.valid_to is null or c.valid_to > o.business_date)
            where o.hour_started_at < $as_of
            group by all
        )
        select o.lot_id, l.name as lot_name, l.code as lot_code, o.period,
            hundredths(o.occupied_seconds, o.window_seconds) as mean_cars, o.peak, o.spaces,
            per_ten_thousand(o.occupied_seconds, o.space_seconds) as mean_share,
            per_ten_thousand(o.peak, o.spaces) as peak_share, o.opening, o.closing,
            coalesce(u.records, 0) > 0 as has_uploads
        from occupied as o
        join {dim_lot} as l on l.lot_id = o.lot_id
        left join uploaded as u on u.lot_id = o.lot_id and u.period = o.period
    """,
    order="lot_id, period",
    fragments=lambda question: {
        "bucket": "local_hour" if question.values["by"] == "hour" else "business_date::timestamp"
    },
)
