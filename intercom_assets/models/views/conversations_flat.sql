select
    {{ own }}{% for attribute in attributes %},
    {{ attribute.sql }}{% endfor %}
from {{ live('conversations', custom_attributes='json') }}
