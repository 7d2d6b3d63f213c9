{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'basis', 'booth'],
    touched_by=['fct_charge', 'fct_charge.exit'],
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'business_date']
) }}
with fact as (
    {% for basis, day in [('payment', 'business_date'), ('exit', 'exit_business_date')] -%}
    select
        fct_charge.lot_id,
        fct_charge.{{ day }} as business_date,
        '{{ basis }}' as basis,
        fct_charge.booth,
        fct_charge.kind,
        fct_charge.receivable,
        fct_charge.discount,
        fct_charge.waived,
        fct_charge.received,
        fct_charge.uncollected,
        {%- for name in methods() %}
        fct_charge.{{ name }},
        {%- endfor %}
        fct_charge.is_balanced
    from {{ ref('fct_charge') }} as fct_charge
    {% if is_incremental() -%}
    where {{ touched(['fct_charge', 'fct_charge.exit'], 'fct_charge') if basis == 'payment' else touched_exit_days('fct_charge') }}
    {% endif -%}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    lot_id,
    business_date,
    basis,
    booth,
    count(*) filter (where kind = 'charge') as charges,
    count(*) filter (where kind = 'refund') as refunds,
    cast(sum(receivable) as decimal(18, 2)) as receivable,
    cast(sum(discount) as decimal(18, 2)) as discount,
    cast(sum(waived) as decimal(18, 2)) as waived,
    cast(sum(received) as decimal(18, 2)) as received,
    cast(sum(uncollected) as decimal(18, 2)) as uncollected,
    {{ sum_of_methods() }},
    count(*) filter (where not is_balanced) as unbalanced
from fact
group by lot_id, business_date, basis, booth
