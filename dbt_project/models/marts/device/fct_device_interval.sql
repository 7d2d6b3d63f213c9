{#- How long each device was in which state, cut at business days. A report holds until the next one, at most
    device_state_hold_hours; what lies beyond is unknown and has no row. -#}
{%- set hold_days = (var('device_state_hold_hours') | int / 24) | round(0, 'ceil') | int + 1 -%}
{{ config(
    materialized='incremental',
    incremental_strategy='touched_days',
    unique_key=['lot_id', 'business_date', 'device_id', 'started_at'],
    touched_by=['fct_device_report', 'fct_device_report.held'],
    partitioned_by=['year(business_date)', 'month(business_date)'],
    sorted_by=['lot_id', 'started_at']
) }}
with report as (
    select
        device_report.lot_id,
        device_report.device_id,
        device_report.device_type,
        device_report.state,
        device_report.occurred_at,
        device_report.record_id
    from {{ ref('fct_device_report') }} as device_report
    {% if is_incremental() -%}
    where {{ around_touched_days(['fct_device_report', 'fct_device_report.held'], 'device_report', hold_days + 1) }}
    {% endif -%}
    qualify row_number() over (
        partition by device_report.lot_id, device_report.device_id, device_report.occurred_at
        order by device_report.record_id desc
    ) = 1
),

held as (
    select
        report.*,
        least(
            coalesce(
                lead(report.occurred_at) over (
                    partition by report.lot_id, report.device_id order by report.occurred_at
                ),
                report.occurred_at + to_hours({{ var('device_state_hold_hours') }})
            ),
            report.occurred_at + to_hours({{ var('device_state_hold_hours') }})
        ) as held_to
    from report
),

held_day as (
    select
        held.*,
        lot.time_zone,
        lot.cutover_minutes,
        cast(unnest(generate_series(
            cast(held.occurred_at as date) - 1, cast(held.held_to as date) + 1, interval 1 day
        )) as date) as business_date
    from held
    inner join {{ ref('dim_lot') }} as lot on lot.lot_id = held.lot_id
),

cut as (
    select
        lot_id,
        business_date,
        device_id,
        device_type,
        state,
        greatest(occurred_at, {{ instant_of(
            plus_minutes('cast(business_date as timestamp)', 'cutover_minutes'), 'time_zone'
        ) }}) as started_at,
        least(held_to, {{ instant_of(
            plus_minutes('cast(business_date + 1 as timestamp)', 'cutover_minutes'), 'time_zone'
        ) }}) as ended_at
    from held_day
)

select
    cut.lot_id,
    cut.business_date,
    cut.device_id,
    cut.device_type,
    cut.state,
    cut.started_at,
    cut.ended_at
from cut
where cut.started_at < cut.ended_at
{%- if is_incremental() %}
    and {{ touched(['fct_device_report', 'fct_device_report.held'], 'cut') }}
{%- endif %}
