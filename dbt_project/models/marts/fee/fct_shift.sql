{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'record_id'],
    touched_by=['raw.shift'],
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'occurred_at']
) }}
select
    lot_id,
    business_date,
    record_id,
    occurred_at,
    local_at,
    booth,
    terminal_id,
    operator_name,
    started_at,
    cast(cash_expected as decimal(18, 2)) as cash_expected,
    cast(cash_counted as decimal(18, 2)) as cash_counted
from {{ ref('stg_shift') }}
