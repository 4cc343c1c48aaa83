// Lists all integrations, then follows deliveries live: without gap or double, also
// when the connection was lost, because it goes on after the last cursor it has seen.
//
//   TOCSIN_TOKEN=toc_… npm start [http://127.0.0.1:8080/graphql [how many events]]
import { makeClient } from "./client.js";
import {
  DeliveryEventsDocument,
  IntegrationsDocument,
  type IntegrationPartsFragment,
  type IntegrationsQuery,
} from "./generated/operations.js";

const url = process.argv[2] ?? "http://127.0.0.1:8080/graphql";
const most = Number(process.argv[3] ?? Infinity);
const client = makeClient(url, process.env["TOCSIN_TOKEN"] ?? "");

/** Say in one line where an integration goes; every channel has its own settings. */
function line(integration: IntegrationPartsFragment): string {
  const state = integration.active ? "on" : `off: ${integration.error ?? "disabled"}`;
  switch (integration.__typename) {
    case "WebhookIntegration":
      return `${integration.name} → ${integration.settings.webhookUrl} (${state})`;
    case "EmailIntegration":
      return `${integration.name} → ${integration.settings.email} (${state})`;
    default:
      return `${integration.name} (${integration.type}, ${state})`;
  }
}

type Page = IntegrationsQuery["integrations"];

async function page(after?: string | null): Promise<Page> {
  const { data } = await client.query({
    query: IntegrationsDocument,
    variables: { first: 50, after },
    // From the cache it would be the pages before as well, for a view that shows all.
    fetchPolicy: "no-cache",
  });
  if (!data) throw new Error("There is no list.");
  return data.integrations;
}

/** List all integrations, page by page; return the cursor of before the first page. */
async function list(): Promise<string> {
  let shown = await page();
  const start = shown.eventCursor;
  for (;;) {
    for (const integration of shown.nodes) console.log(line(integration));
    if (!shown.pageInfo.hasNextPage) return start;
    shown = await page(shown.pageInfo.endCursor);
  }
}

/** Follow until enough events have been seen; come back after a cut. */
async function follow(cursor: string): Promise<void> {
  let last = cursor;
  let seen = 0;
  while (seen < most) {
    const events = client.subscribe({
      query: DeliveryEventsDocument,
      variables: { after: last },
    });
    await new Promise<void>((resolve) => {
      const following = events.subscribe({
        next: ({ data, error }) => {
          if (error || !data) {
            console.error(error?.message ?? "no data");
            return;
          }
          const { cursor, delivery, attempt } = data.deliveryEvents;
          last = cursor;
          seen += 1;
          const tried = attempt ? ` (try ${attempt.number}: ${attempt.outcome})` : "";
          console.log(`${delivery.integration?.name}: ${delivery.status}${tried}`);
          if (seen >= most) {
            following.unsubscribe();
            resolve();
          }
        },
        error: () => setTimeout(resolve, 1000),
        complete: () => setTimeout(resolve, 1000),
      });
    });
  }
}

await follow(await list());
process.exit(0);
