{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'record_id'],
    touched_by=['raw.invoice'],
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'occurred_at']
) }}
select
    lot_id,
    business_date,
    record_id,
    occurred_at,
    local_at,
    charge_record_id,
    plate,
    cast(amount as decimal(18, 2)) as amount,
    invoice_number,
    invoice_type,
    status,
    issued_at
from {{ ref('stg_invoice') }}
