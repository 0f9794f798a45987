select
    {{ own }}{% for attribute in attributes %},
    {{ attribute.sql }}{% endfor %}
from {{ live('companies', custom_attributes='json') }}
