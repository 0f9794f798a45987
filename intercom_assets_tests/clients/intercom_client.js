// Reads a workspace with Intercom's own SDK for Node.js, and writes what it got as JSON.
// node intercom_client.js URL TOKEN; the package is looked for from the working directory.
const { createRequire } = require("node:module");
const { IntercomClient } = createRequire(`${process.cwd()}/`)("intercom-client");

const [url, token] = process.argv.slice(2);
const client = new IntercomClient({ token, environment: url });

// Made anew each time: the SDK writes its cursor into what it was given.
function search() {
    return {
        query: { field: "updated_at", operator: ">", value: "0" },
        pagination: { per_page: 7 },
        sort: { field: "updated_at", order: "ascending" },
    };
}

// The SDK's pages are walked by the SDK itself.
async function walk(pages) {
    const records = [];
    for await (const record of await pages) records.push(record);
    return records;
}

// The SDK goes on while there is a scroll_param, which the last, empty page has, too.
async function scroll() {
    const page = await client.companies.scroll();
    const records = [];
    for (; page.data.length > 0; await page.getNextPage()) records.push(...page.data);
    return records;
}

async function each(records, read) {
    const found = {};
    for (const { id } of records) found[id] = await read(id);
    return found;
}

async function main() {
    const contacts = await walk(client.contacts.list({ per_page: 7 }));
    const conversations = await walk(client.conversations.list({ per_page: 7 }));
    const companies = await scroll();
    const types = await client.ticketTypes.list();
    const out = {
        me: await client.admins.identify(),
        admins: (await client.admins.list()).admins,
        teams: (await client.teams.list()).teams,
        tags: (await client.tags.list()).data,
        segments: (await client.segments.list({ include_count: true })).segments,
        subscription_types: (await client.subscriptionTypes.list()).data,
        contact_attributes: (
            await client.dataAttributes.list({ model: "contact", include_archived: true })
        ).data,
        // Its name differs with the API version that the SDK asks for.
        ticket_types: types.data ?? types.ticket_types,
        contacts,
        contacts_searched: await walk(client.contacts.search(search())),
        conversations,
        conversations_searched: await walk(client.conversations.search(search())),
        companies,
        companies_listed: await walk(client.companies.list({ per_page: 7 })),
        tickets_searched: await walk(client.tickets.search(search())),
        one_conversation: await each(conversations.slice(0, 5), (id) =>
            client.conversations.find({ conversation_id: id }),
        ),
        contact_tags: await each(contacts, async (id) =>
            (await client.contacts.listAttachedTags({ contact_id: id })).data,
        ),
        contact_notes: await each(contacts, (id) =>
            walk(client.notes.list({ contact_id: id, per_page: 7 })),
        ),
        company_contacts: await each(companies.slice(0, 5), async (id) =>
            (await client.companies.listAttachedContacts({ company_id: id })).data,
        ),
        events: await each(contacts, async (id) =>
            (await client.events.list({ type: "user", intercom_user_id: id, summary: true }))
                .events,
        ),
    };
    process.stdout.write(JSON.stringify(out));
}

main().catch((problem) => {
    console.error(problem);
    process.exit(1);
});
