{#- One row per alarm: its first raise and the first recovery after it. A recovery without a raise has a row too. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='touched_keys',
    unique_key=['lot_id', 'alarm_id'],
    pre_hook="{{ open_key_scope('fct_alarm_event', 'alarm_id') }}"
) }}
with event as (
    select alarm_event.*
    from {{ ref('fct_alarm_event') }} as alarm_event
    {% if is_incremental() -%}
    where {{ in_key_scope('alarm_event', 'alarm_id') }}
    {% endif %}
),

raised as (
    select *
    from event
    where event = 'raised'
    qualify row_number() over (partition by lot_id, alarm_id order by occurred_at, record_id) = 1
),

recovered as (
    select event.*
    from event
    left join raised on raised.lot_id = event.lot_id and raised.alarm_id = event.alarm_id
    where event.event = 'recovered'
        and (raised.occurred_at is null or event.occurred_at >= raised.occurred_at)
    qualify row_number() over (
        partition by event.lot_id, event.alarm_id order by event.occurred_at, event.record_id
    ) = 1
)

select
    coalesce(raised.lot_id, recovered.lot_id) as lot_id,
    coalesce(raised.business_date, recovered.business_date) as business_date,
    coalesce(raised.alarm_id, recovered.alarm_id) as alarm_id,
    coalesce(raised.alarm_type, recovered.alarm_type) as alarm_type,
    coalesce(raised.level, recovered.level) as level,
    coalesce(raised.device_id, recovered.device_id) as device_id,
    coalesce(raised.device_type, recovered.device_type) as device_type,
    coalesce(raised.gate_id, recovered.gate_id) as gate_id,
    coalesce(raised.message, recovered.message) as message,
    raised.occurred_at as raised_at,
    recovered.occurred_at as recovered_at,
    {{ seconds_between('raised.occurred_at', 'recovered.occurred_at') }} as duration_seconds
from raised
full outer join recovered
    on recovered.lot_id = raised.lot_id
        and recovered.alarm_id = raised.alarm_id
