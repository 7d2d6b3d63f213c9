{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'record_id'],
    touched_by=['raw.alarm'],
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'occurred_at']
) }}
select
    lot_id,
    business_date,
    record_id,
    occurred_at,
    local_at,
    alarm_id,
    event,
    alarm_type,
    level,
    device_id,
    device_type,
    gate_id,
    message
from {{ ref('stg_alarm') }}
