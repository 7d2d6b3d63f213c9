"""What arrived and what did not: completeness of uploads, rejected records."""

from __future__ import annotations

from typing import Final

from warehouse.reports.columns import code, duration, instant, integer, ratio, text
from warehouse.reports.listing import ListReport, Source
from warehouse.reports.period import Grain
from warehouse.reports.pieces import LOT, LOT_CODE, choice, code_filter, equal_filter
from warehouse.reports.question import Question
from warehouse.reports.table import TableReport

_BUCKETS: Final = {
    "total": "null::timestamp",
    "day": "(local_hour - to_minutes(cutover_minutes))::date::timestamp",
    "hour": "local_hour",
}


def _pieces(question: Question) -> dict[str, str]:
    assert question.period is not None
    if question.period.has_time:
        asked = "local_hour >= $from_time and local_hour < $to_time"
    else:
        asked = (
            "local_hour >= date_trunc('hour', $from_day::timestamp + to_minutes(cutover_minutes))"
            " and local_hour < $to_day::timestamp + to_minutes(cutover_minutes)"
        )
    return {"asked": asked, "bucket": _BUCKETS[question.values["by"]]}


COMPLETENESS: Final = TableReport(
    name="completeness",
    zh="数据完整性",
    en="Completeness",
    about_zh="每个停车场每日(或每小时、整个期间)应到与实到的记录数。"
    "应到 = 该停车场前 28 天同一小时的平均值(只算有上传的日子);"
    "应到大于零而一条未到的小时为缺失小时。比数据截止时间更晚的小时不计。",
    about_en="Per lot and day (or hour, or the whole period) the records expected and received. Expected is the lot's "
    "own mean for that hour over the 28 days before, counting days with uploads; an hour with records expected and "
    "none received is missing. Hours later than the data reach are left out.",
    columns=(
        LOT,
        instant("period", "时间", "Time"),
        integer("expected", "应到", "Expected"),
        integer("received", "实到", "Received"),
        ratio("share", "到达率", "Share received", total="per_ten_thousand(sum(received), sum(expected))"),
        integer("live", "实时", "Live"),
        integer("backfill", "补传", "Backfilled"),
        integer("late", "迟到(超过1小时)", "Late by over an hour"),
        integer("hours", "小时数", "Hours"),
        integer("missing_hours", "缺失小时", "Missing hours"),
        duration("max_delay_seconds", "最大延迟", "Longest delay", total="max(max_delay_seconds)"),
        instant("last_received_at", "最近收到", "Last received"),
        LOT_CODE,
    ),
    grain=Grain.HOUR,
    parameters=(
        choice("by", "时间单位", "unit of time", ("total", "day", "hour"), "day"),
        code_filter("kind", "记录种类", "record kind", "record_kind", "u.kind"),
    ),
    sql="""
        with recent as (
            select u.lot_id, u.local_hour, sum(u.records) as records
            from {rpt_upload_hour} as u
            where u.business_date >= $from_day::date - 30 and u.business_date <= $to_day{filters}
            group by all
        ),
        uploaded as (
            select u.lot_id, u.local_hour, sum(u.records) as records, sum(u.live) as live, sum(u.backfill) as backfill,
                sum(u.late) as late, max(u.max_delay_seconds) as max_delay_seconds,
                max(u.last_received_at) as last_received_at
            from {rpt_upload_hour} as u
            where u.business_date >= $from_day::date - 1 and u.business_date <= $to_day{filters}
            group by all
        ),
        calendar as (
            select unnest(generate_series($from_day::timestamp, $to_day::timestamp + interval 23 hour, interval 1 hour))
                as local_hour
        ),
        -- An hour that the clock skips in spring cannot be missing; an hour still to come is not late. Once per clock,
        -- for time zones are dear.
        asked_hour as (
            select time_zone, cutover_minutes, local_hour, {bucket} as period
            from (select distinct time_zone, cutover_minutes from {dim_lot}) cross join calendar
            where {asked}
                and timezone(time_zone, local_hour) < $as_of
                and timezone(time_zone, timezone(time_zone, local_hour)) = local_hour
        ),
        asked as (
            select lot_id, time_zone, local_hour, period
            from {dim_lot} join asked_hour using (time_zone, cutover_minutes)
        ),
        past as (
            select lot_id, local_hour, records from (
                select lot_id, local_hour, is_asked, sum(records) over (
                    partition by lot_id, hour(local_hour) order by local_hour::date - date '2000-01-01'
                    range between 28 preceding and 1 preceding
                ) as records
                from (
                    select lot_id, local_hour, records, false as is_asked from recent
                    union all select lot_id, local_hour, 0, true from asked
                )
            ) where is_asked
        ),
        active as (
            select lot_id, day, days from (
                select lot_id, day, is_asked, sum(active) over (
                    partition by lot_id order by day - date '2000-01-01' range between 28 preceding and 1 preceding
                ) as days
                from (
                    select distinct lot_id, local_hour::date as day, 1 as active, false as is_asked from recent
                    union all select distinct lot_id, local_hour::date, 0, true from asked
                )
            ) where is_asked and days > 0
        ),
        hourly as (
            select asked.*, coalesce(uploaded.records, 0) as records, uploaded.live, uploaded.backfill, uploaded.late,
                uploaded.max_delay_seconds, uploaded.last_received_at,
                rounded(coalesce(past.records, 0), active.days) as expected
            from asked
            left join uploaded on uploaded.lot_id = asked.lot_id and uploaded.local_hour = asked.local_hour
            left join past on past.lot_id = asked.lot_id and past.local_hour = asked.local_hour
            left join active on active.lot_id = asked.lot_id and active.day = asked.local_hour::date
        ),
        counted as (
            select lot_id, any_value(time_zone) as time_zone, period, sum(expected) as expected,
                sum(records) as received, coalesce(sum(live), 0) as live,
                coalesce(sum(backfill), 0) as backfill, coalesce(sum(late), 0) as late,
                count(*) as hours, count(*) filter (where records = 0 and expected > 0) as missing_hours,
                max(max_delay_seconds) as max_delay_seconds, max(last_received_at) as last_received_at
            from hourly group by lot_id, period
        )
        select counted.* exclude (last_received_at), l.name as lot_name, l.code as lot_code,
            per_ten_thousand(counted.received, counted.expected) as share,
            timezone(counted.time_zone, counted.last_received_at) as last_received_at
        from counted join {dim_lot} as l on l.lot_id = counted.lot_id
    """,
    order="lot_id, period",
    fragments=_pieces,
)

MISSING_HOURS: Final = TableReport(
    name="missing-hours",
    zh="缺失小时",
    en="Missing hours",
    about_zh="整个期间内应有上传而未收到的停车场小时数,页面合计旁的提示用;定义同数据完整性。",
    about_en="Hours of lots in the whole period with records expected and none received, for the note beside totals; "
    "defined as in completeness.",
    columns=(integer("missing_hours", "缺失小时", "Missing hours"),),
    grain=Grain.DAY,
    listed=False,
    sql="select coalesce(sum(missing_hours), 0)::bigint as missing_hours from {rpt_completeness_day} where {period}",
    order="missing_hours",
)

REJECTS: Final = ListReport(
    name="rejects",
    zh="拒收记录",
    en="Rejected records",
    about_zh="每行一条被拒收且尚未成功重放的记录,最新在前;期间按接收时间。停车场未知的只有平台可见。",
    about_en="One row per rejected record that no replay has answered yet, newest first; the period is the time of "
    "receipt. Rows of no known lot are for the platform only.",
    columns=(
        LOT,
        instant("received_at", "接收时间", "Received"),
        code("kind", "种类", "Kind", "record_kind"),
        text("record_id", "记录编号", "Record id"),
        code("code", "原因代码", "Reason code", "reject"),
        text("reason_zh", "原因", "Reason (Chinese)"),
        text("reason_en", "原因(英文)", "Reason"),
        integer("attempts", "重放次数", "Replays", total=None),
        text("source", "来源", "Source"),
        text("name", "文件或日志段", "File or segment"),
        text("profile", "来源配置", "Profile"),
        integer("line", "行号", "Line", total=None),
        text("payload", "内容", "Payload"),
        LOT_CODE,
        text("reject_id", "拒收编号", "Reject id"),
    ),
    grain=Grain.RECORD,
    default_days=30,
    parameters=(
        code_filter("kind", "种类", "kind", "record_kind", "s.kind"),
        equal_filter("code", "原因代码", "reason code", "s.code"),
        equal_filter("profile", "来源配置", "profile", "s.profile"),
        equal_filter("name", "文件或日志段", "file or segment", "s.name"),
    ),
    totals_row=False,
    source=Source(
        relation="{rejected_record} as s anti join (select replay_of from {rejected_record}"
        " where replay_state = 'accepted') as answer on answer.replay_of = s.reject_id",
        where="s.replay_of is null",
        instant="s.received_at",
        record="s.reject_id",
        day=None,
        lot="coalesce(s.lot_id, 0)",
    ),
    select="""
        l.name as lot_name, l.code as lot_code,
        timezone(coalesce(l.time_zone, 'Asia/Shanghai'), s.received_at) as received_at, s.kind, s.record_id, s.code,
        s.reason_zh, s.reason_en, coalesce(replay.attempts, 0) as attempts, s.source, s.name, s.profile, s.line,
        s.payload, s.reject_id
    """,
    joins="left join {dim_lot} as l on l.lot_id = s.lot_id"
    " left join (select replay_of, count(*) as attempts from {rejected_record}"
    " where replay_of in (select reject_id from page) group by all) as replay on replay.replay_of = s.reject_id",
    sums={},
    sortable={"received_at": "s.received_at", "code": "s.code", "kind": "s.kind", "name": "s.name", "line": "s.line"},
)
