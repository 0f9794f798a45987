select
    {{ own }}{% for attribute in attributes %},
    {{ attribute.sql }}{% endfor %}
from {{ live('tickets', ticket_attributes='json') }}
