{#- When the day's records came, and what the lot's clock showed. Every raw row counts, repeats too; whole files are no
   word on the lot's line, and a correction comes late by its nature. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date'],
    touched_by=uploads_of_all_kinds(),
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'business_date'],
    keeps_closed_days=true
) }}
{%- set scope = touched(uploads_of_all_kinds(), 'raw_row') if is_incremental() %}
with upload as (
    {% for kind in record_kinds() -%}
    select
        raw_row.lot_id,
        raw_row.business_date,
        raw_row.received_at,
        {{ seconds_between('raw_row.occurred_at', 'raw_row.received_at') }} as delay_seconds,
        case when raw_row.mode = 'live' then {{ seconds_between('raw_row.received_at', 'raw_row.lot_clock') }} end
        as drift_seconds,
        raw_row.marks is not null as is_marked,
        raw_row.revision = 0 and raw_row.source not like 'file:%' as is_judged
    from {{ source('raw', kind) }} as raw_row
    where raw_row.source is distinct from 'cloud'
    {% if is_incremental() -%}
        and {{ scope }}
    {% endif -%}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

arrival as (
    select
        lot_id,
        business_date,
        count(*) as records,
        count(*) filter (where is_marked) as marked,
        count(*) filter (where is_judged) as judged,
        count(*) filter (where is_judged and delay_seconds <= {{ var('timely_minutes') }} * 60) as timely,
        {{ quantile('received_at', '0.99', 'is_judged') }} as complete_at,
        count(drift_seconds) filter (where is_judged) as clocked,
        {{ quantile('drift_seconds', '0.5', 'is_judged and drift_seconds is not null') }} as drift_seconds
    from upload
    group by lot_id, business_date
)

select
    arrival.lot_id,
    arrival.business_date,
    arrival.records,
    arrival.marked,
    arrival.judged,
    arrival.timely,
    arrival.complete_at,
    {{ seconds_between(
        instant_of(plus_minutes('cast(arrival.business_date as timestamp)', 'lot.cutover_minutes'), 'lot.time_zone'),
        'arrival.complete_at'
    ) }} as complete_seconds,
    arrival.clocked,
    cast(arrival.drift_seconds as bigint) as drift_seconds
from arrival
inner join {{ ref('dim_lot') }} as lot on lot.lot_id = arrival.lot_id
