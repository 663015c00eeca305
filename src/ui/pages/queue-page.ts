import { formatCount, formatItems, type Html, html, htmlTable } from "../../drawing/index.js";
import { layout, liveParts, moment } from "./layout.js";

/** What the page of a queue shows; `QueueMonitor.state` of `vqkit/queue` gives it. */
export interface QueueView {
  readonly address: string;
  readonly isReady: boolean;
  readonly tasks: readonly {
    readonly id: string;
    readonly kind: string;
    readonly pieces: number;
    readonly done: number;
    readonly failed: number;
    readonly underWay: number;
    readonly isPaused: boolean;
    readonly createdAt: number;
  }[];
  readonly workers: readonly {
    readonly id: string;
    readonly host: string;
    readonly pid: number;
    readonly task: string | null;
    readonly piece: number | null;
    readonly items: number;
    readonly allItems: number;
    readonly allPieces: number;
    readonly refused: Readonly<Record<string, string>>;
    readonly startedAt: number;
    readonly at: number;
  }[];
}

/** The page of a queue: what is to be done, and who does it. */
export function queuePage(view: QueueView): string {
  return layout({
    title: "Queue – vqkit",
    live: "/queue/live",
    path: [{ text: "queue" }],
    body: queueParts(view),
  });
}

/** What changes on it, which is all. */
export function queueParts(view: QueueView): Html {
  return liveParts([
    { id: "queue-head", content: heading(view) },
    { id: "queue-tasks", content: tasks(view) },
    { id: "queue-workers", content: workers(view) },
  ]);
}

function heading({ address, isReady, tasks: all, workers: fleet }: QueueView): Html {
  const busy = fleet.filter(({ task }) => task !== null).length;
  const counts = `${formatItems(all.length, "task")}, ${formatItems(fleet.length, "worker")}, ${formatCount(busy)} busy.`;
  return html`<h1>Queue</h1>
<p class="soft">${address}. ${isReady ? counts : "Redis does not answer."}</p>`;
}

function tasks({ tasks: all, isReady }: QueueView): Html | null {
  if (!isReady) return null;
  if (all.length === 0) return html`<p>Nothing is to be done.</p>`;
  const numeric = (title: string) => ({ title, numeric: true });
  const columns = [
    { title: "Task" },
    { title: "Progress" },
    numeric("Pieces"),
    numeric("Done"),
    numeric("Under way"),
  ];
  return html`<h2>Tasks</h2>
${htmlTable(
  [...columns, numeric("Failed"), { title: "Begun" }],
  all.map(({ id, kind, pieces, done, underWay, failed, isPaused, createdAt }) => [
    `${kind} ${id}${isPaused ? " (paused)" : ""}`,
    html`<progress max="${pieces}" value="${done}" aria-label="Pieces done"></progress>`,
    ...[pieces, done, underWay, failed].map(formatCount),
    moment(createdAt),
  ]),
)}`;
}

function workers({ workers: fleet, isReady }: QueueView): Html | null {
  if (!isReady || fleet.length === 0) return null;
  const numeric = (title: string) => ({ title, numeric: true });
  const columns = [
    { title: "Worker" },
    { title: "Now" },
    numeric("Done of it"),
    numeric("Pieces"),
    numeric("Images and steps"),
  ];
  return html`<h2>Workers</h2>
${htmlTable(
  [...columns, { title: "Started" }, { title: "Heard of" }, { title: "Takes no part" }],
  fleet.map(({ host, pid, task, piece, items, allPieces, allItems, startedAt, at, refused }) => [
    `${pid} on ${host}`,
    task === null ? "waits" : `piece ${piece} of ${task}`,
    ...[items, allPieces, allItems].map(formatCount),
    moment(startedAt),
    moment(at),
    Object.values(refused).join(" "),
  ]),
)}`;
}
