{# No two rows share the columns that state the model's grain; null counts as a value. #}
{% test unique_grain(model, columns) %}
    select {{ columns | join(', ') }}, count(*) as copies
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}

{# Every row belongs to a lot we know. #}
{% test in_known_lot(model) %}
    select lot_id
    from {{ model }}
    where lot_id not in (select lot_id from {{ ref('dim_lot') }})
    limit 100
{% endtest %}
