{# Models rebuilt by key (device, alarm): which keys changed rows had before and have now, since a corrected record may
   have moved from one to another. #}
{% macro keep_touched_keys(name, key) -%}
    insert into lake.meta.touched_key
    select distinct '{{ name }}', lot_id, {{ key }}
    from (select lot_id, {{ key }} from {{ name }}__gone union all select lot_id, {{ key }} from {{ name }}__new);
{%- endmacro %}
{% macro keep_more_fct_device_report(name) -%}{{ keep_touched_keys(name, 'device_id') }}{%- endmacro %}
{% macro keep_more_fct_alarm_event(name) -%}{{ keep_touched_keys(name, 'alarm_id') }}{%- endmacro %}

{# A state holds into the following days, and what it cuts short may have begun on the days before. #}
{% macro touched_rows_fct_device_report(name) -%}
    select '{{ name }}.held', lot_id, cast(held_day as date)
    from (
        select
            lot_id,
            unnest(generate_series(business_date - 1, business_date + 3, interval 1 day)) as held_day
        from (
            select lot_id, business_date from {{ name }}__gone union select lot_id, business_date from {{ name }}__new
        )
    )
{%- endmacro %}

{# Pre-hook: <model>__scope holds the keys whose source rows changed. #}
{% macro open_key_scope(source_name, key) -%}
    {%- if not is_building() or not is_incremental() -%}{{ return('select 1') }}{%- endif -%}
    create or replace temp table {{ this.identifier }}__scope as
        select distinct lot_id, touched_key as {{ key }} from lake.meta.touched_key where model = '{{ source_name }}'
{%- endmacro %}

{% macro in_key_scope(alias, key) -%}
({{ alias }}.lot_id, {{ alias }}.{{ key }}) in (select lot_id, {{ key }} from {{ this.identifier }}__scope)
{%- endmacro %}
