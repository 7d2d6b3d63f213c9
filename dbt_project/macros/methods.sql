{# The nine methods of payment, and an amount spread over one column each. #}
{% macro methods() -%}
    {{ return(['cash', 'bank_card', 'iou', 'stored_value', 'alipay', 'wechat', 'qr', 'wallet', 'receipt']) }}
{%- endmacro %}

{% macro amount_by_method(method, amount) -%}
{%- for name in methods() %}
    cast(case when {{ method }} = '{{ name }}' then {{ amount }} else 0 end as decimal(18, 2)) as {{ name }}{{ ',' if not loop.last }}
{%- endfor -%}
{%- endmacro %}

{% macro sum_of_methods() -%}
{%- for name in methods() %}
    cast(coalesce(sum({{ name }}), 0) as decimal(18, 2)) as {{ name }}{{ ',' if not loop.last }}
{%- endfor -%}
{%- endmacro %}
