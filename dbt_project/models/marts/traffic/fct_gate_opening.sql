{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'record_id'],
    touched_by=['raw.gate_opening'],
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'occurred_at']
) }}
select
    lot_id,
    business_date,
    record_id,
    occurred_at,
    local_at,
    gate_id,
    controller_id,
    opening_mode,
    plate,
    operator_name,
    reason
from {{ ref('stg_gate_opening') }}
