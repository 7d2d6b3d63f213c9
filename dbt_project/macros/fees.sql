{# Exit days of changed charges, old and new, are touched too: a charge counts on its exit day in the earned basis. #}
{% macro touched_rows_fct_charge(name) -%}
    select '{{ name }}.exit', lot_id, exit_business_date
    from (
        select lot_id, exit_business_date from {{ name }}__gone
        union all
        select lot_id, exit_business_date from {{ name }}__new
    )
{%- endmacro %}

{# Predicate on a charge whose exit day was touched. A charge may be paid at most longest_stay_days off its exit. #}
{% macro touched_exit_days(alias) -%}
    {%- if not is_building() -%}{{ return('true') }}{%- endif -%}
    {%- set names = "'fct_charge', 'fct_charge.exit'" -%}
    {{ return(
        "(" ~ alias ~ ".lot_id, " ~ alias ~ ".exit_business_date) in "
        ~ "(select lot_id, business_date from memory.main.touched where model in (" ~ names ~ "))"
    ) }}
{%- endmacro %}
