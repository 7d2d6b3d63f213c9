{#- One row per time an alarm stood: from a raise to the first recovery after it. Lots use an id again for the next time;
    a raise while the alarm stands repeats, a recovery while it does not stand says nothing, except that the first word
    on an alarm gets a row also when it is a recovery. The same rule as warehouse/alarms/pairing.py. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='touched_keys',
    unique_key=['lot_id', 'record_id'],
    scope_key=['lot_id', 'alarm_id'],
    pre_hook="{{ open_key_scope('fct_alarm_event', 'alarm_id') }}"
) }}
with event as (
    select
        alarm_event.*,
        lag(alarm_event.event) over in_order as event_before,
        min(case when alarm_event.event = 'recovered' then alarm_event.occurred_at end) over (
            partition by alarm_event.lot_id, alarm_event.alarm_id
            order by alarm_event.occurred_at, alarm_event.event = 'recovered', alarm_event.record_id
            rows between 1 following and unbounded following
        ) as recovery_after
    from {{ ref('fct_alarm_event') }} as alarm_event
    {% if is_incremental() -%}
    where {{ in_key_scope('alarm_event', 'alarm_id') }}
    {% endif -%}
    window in_order as (
        partition by alarm_event.lot_id, alarm_event.alarm_id
        order by alarm_event.occurred_at, alarm_event.event = 'recovered', alarm_event.record_id
    )
),

standing as (
    select
        *,
        case when event = 'raised' then occurred_at end as raised_at,
        case when event = 'raised' then recovery_after else occurred_at end as recovered_at
    from event
    where event_before is null or (event = 'raised' and event_before = 'recovered')
)

select
    lot_id,
    business_date,
    record_id,
    alarm_id,
    alarm_type,
    level,
    device_id,
    device_type,
    gate_id,
    message,
    raised_at,
    recovered_at,
    {{ seconds_between('raised_at', 'recovered_at') }} as duration_seconds
from standing
