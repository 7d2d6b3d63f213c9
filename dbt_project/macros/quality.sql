{# Uploads change what is expected of the 28 days after them. Beside these, every lot's days since the newest one so far
   are looked at again: the clock went on for lots that are silent, too. #}
{% macro touched_rows_rpt_upload_hour(name) -%}
    select distinct 'rpt_upload_hour.expected', lot_id, business_date
    from (
        select lot_id, cast(unnest(generate_series(business_date - 1, business_date + 30, interval 1 day)) as date) as business_date
        from (select lot_id, business_date from {{ name }}__gone union select lot_id, business_date from {{ name }}__new)
        union all
        select lot_id, cast(unnest(generate_series(known_until, last_day, interval 1 day)) as date)
        from (select distinct lot_id from {{ this }} where business_date > (select max(business_date) - 31 from {{ this }}))
        cross join (select max(business_date) as known_until from lake.marts.rpt_completeness_day)
        cross join (select max(business_date) as last_day from {{ this }})
    )
    where business_date <= (select max(business_date) from {{ this }})
{%- endmacro %}

{# The parts of the score and what each weighs. #}
{% macro quality_weights() -%}
    {{ return([('completeness', 30), ('timeliness', 20), ('validity', 20), ('balance', 20), ('clock', 10)]) }}
{%- endmacro %}

{% macro weighted_parts() -%}
    {%- for part, weight in quality_weights() -%}
        {{ ' + ' if not loop.first }}{{ weight }} * coalesce({{ part }}, 0)
    {%- endfor -%}
{%- endmacro %}

{% macro weights_of_parts() -%}
    {%- for part, weight in quality_weights() -%}
        {{ ' + ' if not loop.first }}case when {{ part }} is null then 0 else {{ weight }} end
    {%- endfor -%}
{%- endmacro %}

{# part of whole in ten-thousandths (or in units of 1/scale), rounded half up; whole numbers all the way: taking off the
   remainder first makes the division exact. Null when the whole is nothing. #}
{% macro ten_thousandths(part, whole, scale=10000) -%}
    {%- set above = '(' ~ (2 * scale) ~ ' * (' ~ part ~ ') + (' ~ whole ~ '))' -%}
    {%- set below = '(2 * nullif(' ~ whole ~ ', 0))' -%}
cast(({{ above }} - {{ above }} % {{ below }}) / {{ below }} as bigint)
{%- endmacro %}

{# The least value that the given share of the rows does not exceed. #}
{% macro quantile(value, share, condition) -%}
quantile_disc({{ value }}, {{ share }}) filter (where {{ condition }})
{%- endmacro %}

{# Predicate that prunes files: receipt near the touched days, whatever the lot's zone and cut-over. #}
{% macro received_around(sources, alias) -%}
    {%- if not is_building() -%}{{ return('true') }}{%- endif -%}
    {%- set span = touched_span(sources) -%}
    {%- if span[0] is none -%}{{ return('false') }}{%- endif -%}
    {{ return(
        alias ~ ".received_at >= timestamptz '" ~ span[0] ~ " 00:00:00+00' - interval 1 day and "
        ~ alias ~ ".received_at < timestamptz '" ~ span[1] ~ " 00:00:00+00' + interval 3 day"
    ) }}
{%- endmacro %}
