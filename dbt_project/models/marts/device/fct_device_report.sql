{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'record_id'],
    touched_by=['raw.device_state'],
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'occurred_at']
) }}
select
    lot_id,
    business_date,
    record_id,
    occurred_at,
    local_at,
    device_id,
    device_type,
    number,
    name,
    area_name,
    gate_id,
    gate_name,
    direction,
    ip,
    host_ip,
    vehicle_classes,
    is_virtual,
    state,
    login_operator,
    download_state,
    guidance_enabled
from {{ ref('stg_device_state') }}
