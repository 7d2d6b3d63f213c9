{#- Parts are ten-thousandths; the score is their mean by the weights of quality_weights(), over the parts that the day
   can be judged by. docs/data-quality.md tells the formula to people. -#}
{%- set changed_days = ['rpt_arrival_day', 'rpt_completeness_day', 'rpt_balance_day', 'raw.rejected_record'] -%}
{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date'],
    touched_by=changed_days,
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'business_date'],
    keeps_closed_days=true
) }}
with refused as (
    select
        lot_id,
        business_date,
        count(*) as rejected
    from (
        select
            reject.lot_id,
            {{ business_day_of('reject.received_at', 'lot') }} as business_date
        from {{ source('raw', 'rejected_record') }} as reject
        inner join {{ ref('dim_lot') }} as lot on lot.lot_id = reject.lot_id
        where reject.replay_of is null
            {%- if is_incremental() %}
            and {{ received_around(changed_days, 'reject') }}
            {%- endif %}
    ) as reject_of_day
    {% if is_incremental() -%}
    where {{ touched(changed_days, 'reject_of_day') }}
    {% endif -%}
    group by lot_id, business_date
),

arrival as (
    select arrived.*
    from {{ ref('rpt_arrival_day') }} as arrived
    {% if is_incremental() -%}
    where {{ touched(changed_days, 'arrived') }}
    {% endif %}
),

completeness as (
    select complete.*
    from {{ ref('rpt_completeness_day') }} as complete
    {% if is_incremental() -%}
    where {{ touched(changed_days, 'complete') }}
    {% endif %}
),

balance as (
    select balanced.*
    from {{ ref('rpt_balance_day') }} as balanced
    {% if is_incremental() -%}
    where {{ touched(changed_days, 'balanced') }}
    {% endif %}
),

judged_day as (
    select lot_id, business_date from arrival
    union
    select lot_id, business_date from completeness
    union
    select lot_id, business_date from refused
),

counted as (
    select
        judged_day.lot_id,
        judged_day.business_date,
        coalesce(completeness.expected_hours, 0) as expected_hours,
        coalesce(completeness.missing_hours, 0) as missing_hours,
        coalesce(arrival.records, 0) as records,
        coalesce(arrival.marked, 0) as marked,
        coalesce(refused.rejected, 0) as rejected,
        coalesce(arrival.judged, 0) as judged,
        coalesce(arrival.timely, 0) as timely,
        arrival.complete_at,
        arrival.complete_seconds,
        arrival.drift_seconds,
        coalesce(balance.passages, 0) as passages,
        least(coalesce(balance.unexplained, 0), coalesce(balance.passages, 0)) as unexplained,
        coalesce(balance.charges, 0) as charges,
        coalesce(balance.unbalanced, 0) as unbalanced
    from judged_day
    left join arrival
        on arrival.lot_id = judged_day.lot_id and arrival.business_date = judged_day.business_date
    left join completeness
        on completeness.lot_id = judged_day.lot_id and completeness.business_date = judged_day.business_date
    left join refused
        on refused.lot_id = judged_day.lot_id and refused.business_date = judged_day.business_date
    left join balance
        on balance.lot_id = judged_day.lot_id and balance.business_date = judged_day.business_date
),

part as (
    select
        *,
        {{ ten_thousandths('expected_hours - missing_hours', 'expected_hours') }} as completeness,
        {{ ten_thousandths('timely', 'judged') }} as timeliness,
        {{ ten_thousandths('2 * records - marked', '2 * (records + rejected)') }} as validity,
        {{ ten_thousandths('passages - unexplained + charges - unbalanced', 'passages + charges') }} as balance,
        case
            when drift_seconds is not null then {{ ten_thousandths(
                'greatest(' ~ var('clock_useless_seconds') ~ ' - greatest(abs(drift_seconds), '
                ~ var('clock_good_seconds') ~ '), 0)',
                (var('clock_useless_seconds') | int) - (var('clock_good_seconds') | int)
            ) }}
        end as clock
    from counted
)

select
    lot_id,
    business_date,
    {{ ten_thousandths(weighted_parts(), weights_of_parts(), 1) }} as score,
    completeness,
    timeliness,
    validity,
    balance,
    clock,
    cast(expected_hours as bigint) as expected_hours,
    cast(missing_hours as bigint) as missing_hours,
    cast(records as bigint) as records,
    cast(marked as bigint) as marked,
    cast(rejected as bigint) as rejected,
    cast(judged as bigint) as judged,
    cast(timely as bigint) as timely,
    complete_at,
    complete_seconds,
    drift_seconds,
    cast(passages as bigint) as passages,
    cast(unexplained as bigint) as unexplained,
    cast(charges as bigint) as charges,
    cast(unbalanced as bigint) as unbalanced
from part
