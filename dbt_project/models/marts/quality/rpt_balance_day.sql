{#- Two accounts that must agree: cars in and out against the change of the lot's own free-space count, from its first
   count of the day to its last; and each charge against its parts and methods. -#}
{%- set changed_days = ['fct_passage', 'fct_free_space', 'fct_charge'] -%}
{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date'],
    touched_by=changed_days,
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'business_date'],
    keeps_closed_days=true
) }}
with counted as (
    select
        counts.lot_id,
        counts.business_date,
        counts.occurred_at,
        counts.free_spaces,
        row_number() over (
            partition by counts.lot_id, counts.business_date order by counts.occurred_at, counts.record_id
        ) as place,
        count(*) over (partition by counts.lot_id, counts.business_date) as places
    from {{ ref('fct_free_space') }} as counts
    where counts.area_id is null
        and counts.free_spaces is not null
        {%- if is_incremental() %}
        and {{ touched(changed_days, 'counts') }}
        {%- endif %}
),

span as (
    select
        lot_id,
        business_date,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        sum(case when place = 1 then free_spaces else 0 end)
        - sum(case when place = places then free_spaces else 0 end) as taken
    from counted
    where places > 1
    group by lot_id, business_date
    having min(occurred_at) < max(occurred_at)
),

passed as (
    select
        span.lot_id,
        span.business_date,
        span.taken,
        count(passage.record_id) filter (where passage.direction = 'entry') as entries,
        count(passage.record_id) filter (where passage.direction = 'exit') as exits
    from span
    left join {{ ref('fct_passage') }} as passage
        on passage.lot_id = span.lot_id
            and passage.business_date = span.business_date
            and passage.occurred_at > span.first_at
            and passage.occurred_at <= span.last_at
            and not passage.is_inner
            {%- if is_incremental() %}
            and {{ touched(changed_days, 'passage') }}
            {%- endif %}
    group by span.lot_id, span.business_date, span.taken
),

charged as (
    select
        charge.lot_id,
        charge.business_date,
        count(*) as charges,
        count(*) filter (where not charge.is_balanced or charge.received <> charge.{{ methods() | join(' + charge.') }}) as unbalanced
    from {{ ref('fct_charge') }} as charge
    where charge.kind = 'charge'
        {%- if is_incremental() %}
        and {{ touched(changed_days, 'charge') }}
        {%- endif %}
    group by charge.lot_id, charge.business_date
),

account as (
    select lot_id, business_date, entries, exits, taken, cast(0 as bigint) as charges, cast(0 as bigint) as unbalanced
    from passed
    union all
    select lot_id, business_date, 0, 0, 0, charges, unbalanced from charged
)

select
    lot_id,
    business_date,
    cast(sum(entries + exits) as bigint) as passages,
    cast(sum(abs(taken - (entries - exits))) as bigint) as unexplained,
    cast(sum(charges) as bigint) as charges,
    cast(sum(unbalanced) as bigint) as unbalanced
from account
group by lot_id, business_date
