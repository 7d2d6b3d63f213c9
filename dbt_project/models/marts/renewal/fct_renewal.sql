{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'kind', 'record_id'],
    touched_by=sources_sharing_a_fact('renewal'),
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'occurred_at']
) }}
select
    lot_id,
    business_date,
    record_id,
    'renewal' as kind,
    occurred_at,
    local_at,
    plate,
    owner_id,
    owner_name,
    cast(amount as decimal(18, 2)) as amount,
    {{ amount_by_method('method', 'amount') }},
    method,
    cast(null as decimal(18, 2)) as balance_after,
    valid_from_before,
    valid_to_before,
    valid_from,
    valid_to,
    operator_name,
    transaction_id,
    remark
from {{ ref('stg_renewal') }}
union all
-- Money put into a wallet: a liability, not revenue; listed beside renewals and never added to them.
select
    lot_id,
    business_date,
    record_id,
    'top_up' as kind,
    occurred_at,
    local_at,
    plate,
    owner_id,
    owner_name,
    cast(amount as decimal(18, 2)) as amount,
    {{ amount_by_method('method', 'amount') }},
    method,
    cast(balance_after as decimal(18, 2)) as balance_after,
    cast(null as timestamptz) as valid_from_before,
    cast(null as timestamptz) as valid_to_before,
    cast(null as timestamptz) as valid_from,
    cast(null as timestamptz) as valid_to,
    operator_name,
    transaction_id,
    remark
from {{ ref('stg_top_up') }}
