{#- Every raw row counts, repeats and corrections too: this tells what the lot sent, not what happened. What the cloud
   recorded itself is not word from the lot. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'hour_started_at', 'kind'],
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
        raw_row.occurred_at,
        raw_row.local_at,
        raw_row.received_at,
        raw_row.mode,
        '{{ kind }}' as kind
    from {{ source('raw', kind) }} as raw_row
    where raw_row.source is distinct from 'cloud'
    {% if is_incremental() -%}
        and {{ scope }}
    {% endif -%}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    lot_id,
    business_date,
    {{ hour_started_at('occurred_at', 'local_at') }} as hour_started_at,
    date_trunc('hour', local_at) as local_hour,
    kind,
    count(*) as records,
    count(*) filter (where mode = 'live') as live,
    count(*) filter (where mode = 'backfill') as backfill,
    count(*) filter (where {{ seconds_between('occurred_at', 'received_at') }} > 3600) as late,
    cast(max({{ seconds_between('occurred_at', 'received_at') }}) as bigint) as max_delay_seconds,
    max(received_at) as last_received_at
from upload
group by lot_id, business_date, hour_started_at, local_hour, kind
