"""What arrived and what did not: completeness of uploads, the score of their quality, rejected records."""

from __future__ import annotations

from typing import Final

from warehouse.lake.reader import RECENT_QUALITY, first_recent_day
from warehouse.reports.columns import average, boolean, code, day, duration, instant, integer, ratio, text
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

COMPLETENESS_COURSE: Final = TableReport(
    name="completeness-course",
    zh="应到与实到走势",
    en="Expected and received over time",
    about_zh="所选停车场合计,每小时或每日应到与实到的记录数,页面走势图用;定义同数据完整性。",
    about_en="The lots together, by hour or day the records expected and received, for the chart; defined as in "
    "completeness.",
    columns=(
        instant("period", "时间", "Time"),
        integer("expected", "应到", "Expected"),
        integer("received", "实到", "Received"),
    ),
    grain=Grain.HOUR,
    parameters=COMPLETENESS.parameters,
    listed=False,
    sql=f"select period, sum(expected) as expected, sum(received) as received from ({COMPLETENESS.sql}) group by all",
    order="period",
    fragments=_pieces,
)

PARTS: Final = ("completeness", "timeliness", "validity", "balance", "clock")
_PART_COLUMNS: Final = (
    ratio("completeness", "完整性", "Completeness", total="mean_of(completeness)"),
    ratio("timeliness", "及时性", "Timeliness", total="mean_of(timeliness)"),
    ratio("validity", "有效性", "Validity", total="mean_of(validity)"),
    ratio("balance", "平衡性", "Balance", total="mean_of(balance)"),
    ratio("clock", "时钟", "Clock", total="mean_of(clock)"),
)
_QUALITY_PERIODS: Final = {
    "total": "null::date",
    "day": "q.business_date",
    "week": "date_trunc('week', q.business_date)::date",
    "month": "date_trunc('month', q.business_date)::date",
}


_QUALITY_FIGURES: Final = """
    mean_of(q.score) as score, mean_of(q.completeness) as completeness, mean_of(q.timeliness) as timeliness,
    mean_of(q.validity) as validity, mean_of(q.balance) as balance, mean_of(q.clock) as clock,
    count(distinct q.business_date) as days, sum(q.expected_hours) as expected_hours,
    sum(q.missing_hours) as missing_hours, sum(q.records) as records, sum(q.marked) as marked,
    sum(q.rejected) as rejected, sum(q.judged) as judged, sum(q.timely) as timely,
    sum(q.unexplained) as unexplained, sum(q.unbalanced) as unbalanced, max(abs(q.drift_seconds)) as drift_seconds
    from {rpt_quality_day} as q where q.business_date >= $from_day and q.business_date < $to_day
"""
_QUALITY_BY: Final = choice("by", "时间单位", "unit of time", ("total", "day", "week", "month"), "total")


def _quality_pieces(question: Question) -> dict[str, str]:
    return {"bucket": _QUALITY_PERIODS[question.values["by"]]}


QUALITY: Final = TableReport(
    name="quality",
    zh="数据质量评分",
    en="Quality score",
    about_zh="每个停车场每日(或每周、每月、整个期间)的数据质量评分(0–100)与五个分项:完整性(权重 30)、及时性(20)、"
    "有效性(20)、平衡性(20)、时钟(10)。当日无法评判的分项不计,其权重由其余分项分担;多日为各日的平均。"
    "公式见 docs/data-quality.md。",
    about_en="Per lot and day (or week, month, the whole period) the score of data quality, 0 to 100, and its five "
    "parts: completeness (weight 30), timeliness (20), validity (20), balance (20), clock (10). A part that the day "
    "cannot be judged by is left out and the others share its weight; several days are the mean of the days. The "
    "formula is in docs/data-quality.md.",
    columns=(
        LOT,
        day("period", "日期", "Day", shown=lambda values: values.get("by") != "total"),
        average("score", "质量分", "Score", total="mean_of(score)"),
        *_PART_COLUMNS,
        integer("days", "天数", "Days", total=None),
        integer("expected_hours", "应到小时", "Hours expected"),
        integer("missing_hours", "缺失小时", "Missing hours"),
        integer("records", "记录数", "Records"),
        integer("marked", "有标记", "With marks"),
        integer("rejected", "拒收", "Rejected"),
        integer("judged", "参评及时性", "Judged for time"),
        integer("timely", "5分钟内收到", "Within 5 minutes"),
        integer("unexplained", "余位差异(辆)", "Cars unexplained"),
        integer("unbalanced", "不平收费", "Unbalanced charges"),
        duration("drift_seconds", "最大时钟偏差", "Largest clock error", total="max(drift_seconds)"),
        LOT_CODE,
    ),
    grain=Grain.DAY,
    default_days=7,
    parameters=(_QUALITY_BY,),
    sql=f"""
        select l.name as lot_name, l.code as lot_code, s.*
        from (select q.lot_id, {{bucket}} as period, {_QUALITY_FIGURES} group by all) as s
        join {{dim_lot}} as l on l.lot_id = s.lot_id
    """,
    order="lot_code, period",
    fragments=_quality_pieces,
)

QUALITY_COURSE: Final = TableReport(
    name="quality-course",
    zh="数据质量走势",
    en="Course of the quality score",
    about_zh="所选停车场合计,每日(周、月)一行的质量分与分项(0–100),页面走势图用。",
    about_en="The lots together, one row per day (week, month): the score and its parts, 0 to 100, for the chart.",
    columns=(
        day("period", "日期", "Day"),
        average("score", "质量分", "Score"),
        average("completeness", "完整性", "Completeness"),
        average("timeliness", "及时性", "Timeliness"),
        average("validity", "有效性", "Validity"),
        average("balance", "平衡性", "Balance"),
        average("clock", "时钟", "Clock"),
    ),
    grain=Grain.DAY,
    default_days=7,
    parameters=(_QUALITY_BY,),
    listed=False,
    sql=f"select {{bucket}} as period, {_QUALITY_FIGURES} group by all",
    order="period",
    fragments=_quality_pieces,
)

WATERMARK: Final = TableReport(
    name="watermark",
    zh="到齐时间",
    en="Watermark",
    about_zh="每个停车场期间内最后一个有上传的营业日:99% 的记录何时到齐,以及按该停车场此前 28 天的历史预计何时到齐"
    "(十天中有九天不晚于此时)。只计停车场自行上传的记录,不计文件导入;历史不足 3 天则不预计。",
    about_en="Per lot the last business day of the period with uploads: when 99 % of its records had come, and by when "
    "the lot's own 28 days before let expect it (nine days out of ten were no later). Counts what the lot uploaded "
    "itself, not files; fewer than 3 days of history give no expectation.",
    columns=(
        LOT,
        day("day", "营业日", "Business day"),
        instant("expected_by", "预计到齐", "99 % expected by"),
        instant("complete_at", "实际到齐", "99 % had come at"),
        boolean("is_late", "晚于预计", "Later than expected"),
        integer("judged", "记录数", "Records"),
        integer("history_days", "历史天数", "Days of history", total=None),
        LOT_CODE,
    ),
    grain=Grain.DAY,
    default_days=2,
    sql="""
        with recent as (
            select lot_id, business_date, complete_at, complete_seconds, judged from {rpt_arrival_day}
            where business_date >= $from_day::date - 28 and business_date < $to_day and complete_at is not null
        ),
        newest as (
            select * from recent where business_date >= $from_day
            qualify row_number() over (partition by lot_id order by business_date desc) = 1
        ),
        history as (
            select newest.lot_id, quantile_disc(recent.complete_seconds, 0.9) as seconds, count(*) as days
            from newest join recent on recent.lot_id = newest.lot_id
                and recent.business_date >= newest.business_date - 28 and recent.business_date < newest.business_date
            group by newest.lot_id
        ),
        told as (
            select l.name as lot_name, l.code as lot_code, newest.business_date as day, newest.judged,
                timezone(l.time_zone, newest.complete_at) as complete_at, coalesce(history.days, 0) as history_days,
                case when history.days >= 3 then
                    date_trunc('minute', newest.business_date::timestamp + to_minutes(l.cutover_minutes)
                        + to_seconds(history.seconds + 59))
                end as expected_by
            from newest join {dim_lot} as l on l.lot_id = newest.lot_id
            left join history on history.lot_id = newest.lot_id
        )
        select *, complete_at > expected_by as is_late from told
    """,
    order="lot_code",
)


def _note_pieces(question: Question) -> dict[str, str]:
    assert question.period is not None
    is_recent = question.period.first_day >= first_recent_day(question.as_of)
    return {"quality": f"{{{RECENT_QUALITY}}}" if is_recent else "{rpt_quality_day}"}


MISSING_HOURS: Final = TableReport(
    name="missing-hours",
    zh="缺失小时",
    en="Missing hours",
    about_zh="整个期间内应有上传而未收到的停车场小时数与质量分,页面合计旁的提示用;定义同数据质量评分。",
    about_en="Hours of lots in the whole period with records expected and none received, and the score, for the note "
    "beside totals; defined as in the quality score.",
    columns=(
        integer("missing_hours", "缺失小时", "Missing hours"),
        integer("expected_hours", "应到小时", "Hours expected"),
        average("score", "质量分", "Score", total="max(score)"),
    ),
    grain=Grain.DAY,
    listed=False,
    sql="""
        select coalesce(sum(missing_hours), 0)::bigint as missing_hours,
            coalesce(sum(expected_hours), 0)::bigint as expected_hours, mean_of(score) as score
        from {quality} where {period}
    """,
    order="missing_hours",
    fragments=_note_pieces,
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
