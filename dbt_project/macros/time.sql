{# The only places with time-zone and interval arithmetic, so that another engine needs other versions of these alone. #}

{# Lot-local wall clock of an instant, and back. #}
{% macro local_time(instant, zone) -%}timezone({{ zone }}, {{ instant }}){%- endmacro %}
{% macro instant_of(local, zone) -%}timezone({{ zone }}, {{ local }}){%- endmacro %}

{# Whole seconds from one instant to a later one; negative when it is earlier. #}
{% macro seconds_between(earlier, later) -%}
cast(floor((epoch_us({{ later }}) - epoch_us({{ earlier }})) / 1000000.0) as bigint)
{%- endmacro %}

{% macro microseconds_between(earlier, later) -%}
(epoch_us({{ later }}) - epoch_us({{ earlier }}))
{%- endmacro %}

{% macro plus_days(instant, days) -%}{{ instant }} + to_days({{ days }}){%- endmacro %}
{% macro minus_days(instant, days) -%}{{ instant }} - to_days({{ days }}){%- endmacro %}
{% macro plus_minutes(value, minutes) -%}{{ value }} + to_minutes({{ minutes }}){%- endmacro %}

{# Start of the lot's clock hour that holds the instant; right also where the clock is off by half an hour, and on the
   two equally named hours of a day that ends daylight saving. #}
{% macro hour_started_at(instant, local) -%}
{{ instant }} - ({{ local }} - date_trunc('hour', {{ local }}))
{%- endmacro %}

{# Days since a fixed day, for windows that count days. #}
{% macro day_number(value) -%}date_diff('day', date '2000-01-01', cast({{ value }} as date)){%- endmacro %}

{# Business day that holds the instant, by the clock of a lot. #}
{% macro business_day_of(instant, lot) -%}
cast({{ plus_minutes(local_time(instant, lot ~ '.time_zone'), '-' ~ lot ~ '.cutover_minutes') }} as date)
{%- endmacro %}
