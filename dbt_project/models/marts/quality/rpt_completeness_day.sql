{#- Expected is the lot's own mean for the hour over the 28 days before, counting days with uploads. Hours later than the
   data reach ("data as of") are still to come. -#}
{%- set changed_days = ['rpt_upload_hour.expected'] -%}
{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date'],
    touched_by=changed_days,
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'business_date']
) }}
with reach as (
    select
        max(business_date) as last_day,
        least({{ plus_minutes('max(hour_started_at)', 60) }}, max(last_received_at)) as as_of
    from {{ ref('rpt_upload_hour') }}
    where business_date >= (select max(newest.business_date) - 1 from {{ ref('rpt_upload_hour') }} as newest)
),

uploaded as (
    select
        upload.lot_id,
        upload.local_hour,
        sum(upload.records) as records
    from {{ ref('rpt_upload_hour') }} as upload
    {% if is_incremental() -%}
    where {{ around_touched_days(changed_days, 'upload', 31) }}
    {% endif -%}
    group by upload.lot_id, upload.local_hour
),

uploaded_day as (
    select distinct
        lot_id,
        cast(local_hour as date) as local_day
    from uploaded
),

calendar as (
    select
        lot_id,
        cast(unnest(generate_series(first_day - 1, last_day + 30, interval 1 day)) as date) as business_date
    from (
        select
            lot_id,
            min(local_day) as first_day,
            max(local_day) as last_day
        from uploaded_day
        group by lot_id
    ) as span
),

asked_day as (
    select
        calendar.lot_id,
        calendar.business_date,
        lot.time_zone,
        lot.cutover_minutes
    from calendar
    inner join {{ ref('dim_lot') }} as lot on lot.lot_id = calendar.lot_id
    where calendar.business_date <= (select last_day from reach)
    {%- if is_incremental() %}
        and {{ touched(changed_days, 'calendar') }}
    {%- endif %}
),

-- Once per clock, for time zones are dear. An hour that the clock skips in spring cannot be missing.
clock_hour as (
    select
        time_zone,
        cutover_minutes,
        business_date,
        local_hour
    from (
        select
            time_zone,
            cutover_minutes,
            business_date,
            unnest(generate_series(
                date_trunc('hour', {{ plus_minutes('cast(business_date as timestamp)', 'cutover_minutes + 59') }}),
                {{ plus_minutes('cast(business_date as timestamp)', 'cutover_minutes + 1439') }},
                interval 1 hour
            )) as local_hour
        from (select distinct time_zone, cutover_minutes, business_date from asked_day) as clock_day
    ) as wall_hour
    where {{ instant_of('local_hour', 'time_zone') }} < (select as_of from reach)
        and {{ local_time(instant_of('local_hour', 'time_zone'), 'time_zone') }} = local_hour
),

asked as (
    select
        asked_day.lot_id,
        asked_day.business_date,
        clock_hour.local_hour
    from asked_day
    inner join clock_hour
        on clock_hour.time_zone = asked_day.time_zone
            and clock_hour.cutover_minutes = asked_day.cutover_minutes
            and clock_hour.business_date = asked_day.business_date
),

past as (
    select
        lot_id,
        business_date,
        local_hour,
        sum(records) over (
            partition by lot_id, hour(local_hour)
            order by {{ day_number('local_hour') }}
            range between 28 preceding and 1 preceding
        ) as records
    from (
        select lot_id, business_date, local_hour, 0 as records from asked
        union all
        select lot_id, null, local_hour, records from uploaded
    ) as hour_of_lot
),

active as (
    select
        lot_id,
        local_day,
        is_asked,
        sum(is_active) over (
            partition by lot_id
            order by {{ day_number('local_day') }}
            range between 28 preceding and 1 preceding
        ) as days
    from (
        select distinct lot_id, cast(local_hour as date) as local_day, 0 as is_active, true as is_asked from asked
        union all
        select lot_id, local_day, 1, false from uploaded_day
    ) as day_of_lot
),

hourly as (
    select
        past.lot_id,
        past.business_date,
        coalesce(uploaded.records, 0) as received,
        coalesce(
            cast(floor((2 * past.records + active.days) / (2.0 * nullif(active.days, 0))) as bigint), 0
        ) as expected
    from past
    left join uploaded
        on uploaded.lot_id = past.lot_id and uploaded.local_hour = past.local_hour
    left join active
        on active.lot_id = past.lot_id and active.local_day = cast(past.local_hour as date) and active.is_asked
    where past.business_date is not null
)

select
    lot_id,
    business_date,
    cast(sum(expected) as bigint) as expected,
    cast(sum(received) as bigint) as received,
    count(*) filter (where received = 0 and expected > 0) as missing_hours,
    count(*) filter (where expected > 0) as expected_hours
from hourly
group by lot_id, business_date
having sum(expected) > 0 or sum(received) > 0
