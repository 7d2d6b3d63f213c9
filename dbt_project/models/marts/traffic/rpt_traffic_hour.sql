{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'hour_started_at', 'is_inner', 'gate_id', 'vehicle_class'],
    touched_by=['fct_passage'],
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'business_date'],
    keeps_closed_days=true
) }}
select
    passage.lot_id,
    passage.business_date,
    {{ hour_started_at('passage.occurred_at', 'passage.local_at') }} as hour_started_at,
    date_trunc('hour', passage.local_at) as local_hour,
    passage.is_inner,
    passage.gate_id,
    passage.vehicle_class,
    count(*) filter (where passage.direction = 'entry') as entries,
    count(*) filter (where passage.direction = 'exit') as exits
from {{ ref('fct_passage') }} as passage
{% if is_incremental() -%}
where {{ touched(['fct_passage'], 'passage') }}
{% endif -%}
group by
    passage.lot_id,
    passage.business_date,
    hour_started_at,
    local_hour,
    passage.is_inner,
    passage.gate_id,
    passage.vehicle_class
