{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'kind', 'record_id'],
    touched_by=sources_sharing_a_fact('charge'),
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'occurred_at']
) }}
with charge as (
    select
        stg_charge.*,
        cast({{ local_time('stg_charge.exited_at', 'lot.time_zone') }} as timestamp) as exited_local_at,
        lot.cutover_minutes
    from {{ ref('stg_charge') }} as stg_charge
    left join {{ ref('dim_lot') }} as lot on lot.lot_id = stg_charge.lot_id
),

-- One charge paid in several ways.
payment as (
    select
        lot_id,
        record_id,
        unnest(from_json(payments, '[{"method": "VARCHAR", "amount": "VARCHAR"}]')) as part
    from charge
    where payments is not null
),

split as (
    select
        lot_id,
        record_id,
        {%- for name in methods() %}
        sum(case when part.method = '{{ name }}' then cast(part.amount as decimal(18, 2)) else 0 end) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from payment
    group by lot_id, record_id
)

select
    charge.lot_id,
    charge.business_date,
    charge.record_id,
    'charge' as kind,
    charge.occurred_at,
    charge.local_at,
    charge.plate,
    charge.vehicle_class,
    charge.exit_record_id,
    cast(null as varchar) as charge_record_id,
    charge.entered_at,
    charge.exited_at,
    cast(
        {{ plus_minutes('coalesce(charge.exited_local_at, charge.local_at)', '-coalesce(charge.cutover_minutes, 0)') }} as date
    ) as exit_business_date,
    cast(charge.receivable as decimal(18, 2)) as receivable,
    cast(charge.discount as decimal(18, 2)) as discount,
    cast(charge.waived as decimal(18, 2)) as waived,
    cast(charge.received as decimal(18, 2)) as received,
    cast(charge.uncollected as decimal(18, 2)) as uncollected,
    {%- for name in methods() %}
    cast(case
        when charge.payments is not null then split.{{ name }}
        when charge.method = '{{ name }}' then charge.received
        else 0
    end as decimal(18, 2)) as {{ name }},
    {%- endfor %}
    case when charge.payments is null then charge.method end as method,
    charge.booth,
    charge.terminal_id,
    charge.collector_name,
    charge.transaction_id,
    charge.receivable = charge.discount + charge.waived + charge.received + charge.uncollected as is_balanced,
    charge.remark,
    charge.marks
from charge
left join split on split.lot_id = charge.lot_id and split.record_id = charge.record_id
union all
-- What was given back counts on its own date: received and the method fall, uncollected rises.
select
    lot_id,
    business_date,
    record_id,
    'refund' as kind,
    occurred_at,
    local_at,
    plate,
    cast(null as varchar) as vehicle_class,
    cast(null as varchar) as exit_record_id,
    charge_record_id,
    cast(null as timestamptz) as entered_at,
    cast(null as timestamptz) as exited_at,
    business_date as exit_business_date,
    cast(0 as decimal(18, 2)) as receivable,
    cast(0 as decimal(18, 2)) as discount,
    cast(0 as decimal(18, 2)) as waived,
    cast(-amount as decimal(18, 2)) as received,
    cast(amount as decimal(18, 2)) as uncollected,
    {{ amount_by_method('method', '-amount') }},
    method,
    booth,
    cast(null as varchar) as terminal_id,
    operator_name as collector_name,
    transaction_id,
    true as is_balanced,
    reason as remark,
    marks
from {{ ref('stg_refund') }}
