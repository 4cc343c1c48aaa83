// The tabs that a newcomer finds: the whole story, to be run from left to right.
// What is written as "(…)" is filled in with what the tabs before have got. (A tab
// that is left ends its subscription: hence that one comes last.)

export interface Tab {
  query: string;
  variables?: string;
}

const tab = (query: string, variables?: unknown): Tab => ({
  query: query.trim() + "\n",
  variables: variables === undefined ? undefined : JSON.stringify(variables, null, 2),
});

export const STORY: Tab[] = [
  tab(
    `
# Put your API token into the box above, then run
# the tabs from left to right.
#
# 1. Make an integration: where alerts go out.
#    Nothing need listen at the address: then you
#    see how a failure is retried.
mutation CreateIntegration($input: CreateIntegrationInput!) {
  createIntegration(input: $input) {
    integration { id type name active }
    warnings { message }
    errors { code path message }
  }
}`,
    {
      input: {
        name: "my first webhook",
        settings: { webhook: { webhookUrl: "http://127.0.0.1:9900/hook" } },
      },
    },
  ),
  tab(
    `
# 2. Make a server: what is watched.
mutation CreateServer($input: CreateServerInput!) {
  createServer(input: $input) {
    server { id name host }
    errors { code path message }
  }
}`,
    { input: { name: "web-1", host: "web-1.example.com" } },
  ),
  tab(
    `
# 3. Attach the integration to the server: it hears
#    of its incidents from now on.
mutation Attach($input: AttachIntegrationToServerInput!) {
  attachIntegrationToServer(input: $input) {
    server { id name }
    errors { code path message }
  }
}`,
    { input: { serverId: "(server)", integrationId: "(integration)" } },
  ),
  tab(`
# 4. What was sent, and how each try ended: nothing
#    so far. Come back at the end. The eventCursor
#    is remembered: tab 7 goes on from here.
query Deliveries {
  deliveries(first: 10) {
    eventCursor
    totalCount
    nodes {
      id
      status
      integration { name }
      incident { message status }
      attempts { number outcome statusCode error startedAt }
    }
  }
}`),
  tab(
    `
# 5. Something is down.
mutation Report($input: ReportIncidentInput!) {
  reportIncident(input: $input) {
    incident { id status severity message }
    errors { code path message }
  }
}`,
    {
      input: {
        serverId: "(server)",
        incidentType: "timeout",
        message: "No answer for 30 seconds.",
        severity: "HIGH",
        dedupKey: "web-1-timeout",
      },
    },
  ),
  tab(
    `
# 6. It is up again.
mutation Resolve($input: ResolveIncidentInput!) {
  resolveIncident(input: $input) {
    incident { id status resolvedAt }
    errors { code path message }
  }
}`,
    { input: { dedupKey: "web-1-timeout" } },
  ),
  tab(
    `
# 7. Follow the deliveries: all since the cursor of
#    tab 4, without gap or double, and then live.
#    Where nothing listens, you see retries come.
subscription Follow($after: String) {
  deliveryEvents(after: $after) {
    cursor
    at
    delivery {
      status
      attemptCount
      integration { name }
      incident { status }
    }
    attempt { number outcome statusCode error durationMs }
  }
}`,
    { after: "(eventCursor)" },
  ),
];
