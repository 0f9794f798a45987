select
    {{ own }}{% for attribute in attributes %},
    {{ attribute.sql }}{% endfor %}
from {{ live('contacts', custom_attributes='json') }}
