{#- Cars in the lot by clock hour of each day that the lot uploaded anything on: a sweep over the starts and ends of
    stays, cut at the hours. -#}
{%- set changed_days = ['fct_stay.parked', 'rpt_upload_hour'] -%}
{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'hour_started_at'],
    touched_by=changed_days,
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'business_date'],
    keeps_closed_days=true
) }}
with uploaded_day as (
    select distinct
        upload.lot_id,
        upload.business_date
    from {{ ref('rpt_upload_hour') }} as upload
    {% if is_incremental() -%}
    where {{ touched(changed_days, 'upload') }}
    {% endif %}
),

day_window as (
    select
        uploaded_day.lot_id,
        uploaded_day.business_date,
        lot.time_zone,
        {{ plus_minutes('cast(uploaded_day.business_date as timestamp)', 'lot.cutover_minutes') }} as local_start,
        {{ plus_minutes(plus_days('cast(uploaded_day.business_date as timestamp)', 1), 'lot.cutover_minutes') }}
        as local_end
    from uploaded_day
    inner join {{ ref('dim_lot') }} as lot on lot.lot_id = uploaded_day.lot_id
),

day_span as (
    select
        lot_id,
        business_date,
        {{ instant_of('local_start', 'time_zone') }} as day_start,
        {{ instant_of('local_end', 'time_zone') }} as day_end,
        {{ instant_of("date_trunc('hour', local_start)", 'time_zone') }} as first_hour
    from day_window
),

hour_span as (
    select
        lot_id,
        business_date,
        hour_started_at,
        greatest(hour_started_at, day_start) as window_start,
        least({{ plus_minutes('hour_started_at', 60) }}, day_end) as window_end
    from (
        select
            lot_id,
            business_date,
            day_start,
            day_end,
            unnest(generate_series(first_hour, {{ plus_minutes('day_end', -1) }}, interval 1 hour)) as hour_started_at
        from day_span
    )
),

parked as (
    {{ parked_interval(ref('fct_stay')) }}
    {%- if is_incremental() %}
        and {{ parked_days(changed_days) }}
    {%- endif %}
),

-- A day more on either side of the UTC dates covers every zone and cut-over; the overlap test below is exact.
parked_day as (
    select
        lot_id,
        parked_from,
        parked_to,
        cast(unnest(generate_series(
            cast(parked_from as date) - 1, cast(parked_to as date) + 1, interval 1 day
        )) as date) as business_date
    from parked
    where parked_to > parked_from
),

overlap as (
    select
        day_span.lot_id,
        day_span.business_date,
        greatest(parked_day.parked_from, day_span.day_start) as overlap_from,
        least(parked_day.parked_to, day_span.day_end) as overlap_to,
        day_span.day_end
    from parked_day
    inner join day_span
        on day_span.lot_id = parked_day.lot_id
            and day_span.business_date = parked_day.business_date
    where parked_day.parked_from < day_span.day_end
        and parked_day.parked_to > day_span.day_start
),

change as (
    select lot_id, business_date, overlap_from as changed_at, 1 as delta from overlap
    union all
    select lot_id, business_date, overlap_to, -1 from overlap where overlap_to < day_end
    union all
    select lot_id, business_date, window_start, 0 from hour_span
),

-- One step per instant: cars that leave and come in the same second never pass through a count in between.
step as (
    select
        lot_id,
        business_date,
        changed_at,
        sum(delta) as delta
    from change
    group by lot_id, business_date, changed_at
),

level as (
    select
        lot_id,
        business_date,
        changed_at,
        sum(delta) over steps as cars,
        lead(changed_at) over steps as until
    from step
    window steps as (partition by lot_id, business_date order by changed_at)
),

levels_of_hour as (
    select
        hour_span.lot_id,
        hour_span.business_date,
        hour_span.hour_started_at,
        hour_span.window_start,
        hour_span.window_end,
        level.changed_at,
        level.cars,
        {{ microseconds_between('level.changed_at', 'coalesce(level.until, hour_span.window_end)') }} as microseconds
    from level
    inner join day_span
        on day_span.lot_id = level.lot_id and day_span.business_date = level.business_date
    inner join hour_span
        on hour_span.lot_id = level.lot_id
            and hour_span.business_date = level.business_date
            and hour_span.hour_started_at = day_span.first_hour
            + to_hours(cast(floor({{ seconds_between('day_span.first_hour', 'level.changed_at') }} / 3600) as integer))
)

select
    hours.lot_id,
    hours.business_date,
    hours.hour_started_at,
    cast({{ local_time('hours.hour_started_at', 'lot.time_zone') }} as timestamp) as local_hour,
    cast(floor(sum(hours.cars * hours.microseconds) / 1000000.0) as bigint) as occupied_seconds,
    {{ seconds_between('any_value(hours.window_start)', 'any_value(hours.window_end)') }} as window_seconds,
    cast(max(hours.cars) as bigint) as peak,
    cast(min_by(hours.cars, hours.changed_at) as bigint) as opening,
    cast(max_by(hours.cars, hours.changed_at) as bigint) as closing
from levels_of_hour as hours
inner join {{ ref('dim_lot') }} as lot on lot.lot_id = hours.lot_id
group by hours.lot_id, hours.business_date, hours.hour_started_at, lot.time_zone
