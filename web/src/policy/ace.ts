import type { Suggestion } from "./complete";

// Annotation is a mark at a line, as ace has it.
export interface Annotation {
  row: number;
  column: number;
  text: string;
  type: "error" | "warning";
}

interface Position {
  row: number;
  column: number;
}

interface AceSession {
  setAnnotations(all: Annotation[]): void;
  getLine(row: number): string;
}

// Ace is what is used of an editor of ace's.
export interface Ace {
  session: AceSession;
  completers: unknown[];
  setOptions(options: object): void;
  setReadOnly(on: boolean): void;
  getValue(): string;
  gotoLine(line: number, column: number, animate: boolean): void;
  focus(): void;
  getCursorPosition(): Position;
}

interface Module {
  config: { set(name: string, value: unknown): void; setModuleUrl(name: string, url: string): void };
  edit(element: HTMLElement, options: object): Ace;
}

// The editor without inline styles and without workers from data: URLs.
async function loadAce(): Promise<Module> {
  const ace = (await import("ace-builds/src-noconflict/ace")).default as unknown as Module;
  ace.config.set("useStrictCSP", true);
  ace.config.set("loadWorkerFromBlob", false);
  const [worker] = await Promise.all([
    import("ace-builds/src-noconflict/worker-json?url"),
    import("ace-builds/src-noconflict/ext-language_tools"),
    import("ace-builds/src-noconflict/mode-json"),
    import("ace-builds/src-noconflict/theme-cloud_editor"),
    import("ace-builds/src-noconflict/theme-cloud_editor_dark"),
    import("ace-builds/css/ace.css"),
    import("ace-builds/css/theme/cloud_editor.css"),
    import("ace-builds/css/theme/cloud_editor_dark.css"),
  ]);
  ace.config.setModuleUrl("ace/mode/json_worker", worker.default);
  return ace;
}

// hooks are what an editor of ours has besides what Cloudscape gives it.
export interface Hooks {
  opened(editor: Ace): void;
  suggest?: (before: string, after: string) => Promise<Suggestion[]>;
}

// withHooks is ace whose editors have those hooks. Cloudscape makes the editor
// itself, so it is caught where that is done.
export async function withHooks(hooks: Hooks): Promise<object> {
  const ace = await loadAce();
  const hooked = Object.create(ace) as Module;
  hooked.edit = (element, options) => {
    const editor = ace.edit(element, options);
    if (hooks.suggest) {
      editor.completers = [completer(hooks.suggest)];
      editor.setOptions({ enableBasicAutocompletion: true, enableLiveAutocompletion: true });
    }
    hooks.opened(editor);
    return editor;
  };
  return hooked;
}

// completer asks for suggestions as ace wants them. Outside of a string they
// come with their quotes.
function completer(suggest: NonNullable<Hooks["suggest"]>) {
  return {
    identifierRegexps: [/[\w\-:*/.?$@+=]/],
    getCompletions(editor: Ace, _session: AceSession, _at: Position, _prefix: string, done: (error: null, all: object[]) => void) {
      const ask = async (): Promise<void> => {
        const { row, column } = editor.getCursorPosition();
        const text = editor.getValue();
        const before = [...text.split("\n").slice(0, row), editor.session.getLine(row).slice(0, column)].join("\n");
        const all = await suggest(before, text.slice(before.length));
        if (editor.getValue() !== text) return ask(); // more was typed by then
        const quote = insideString(before) ? "" : '"';
        done(null, all.map((s, i) => ({
          caption: s.value, value: quote + s.value + (s.value.endsWith(":") ? "" : quote), meta: s.meta, score: 10_000 - i,
          command: s.value.endsWith(":") ? "startAutocomplete" : undefined,
        })));
      };
      ask().catch(() => done(null, []));
    },
  };
}

function insideString(text: string): boolean {
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    if (inside && text[i] === "\\") i++;
    else if (text[i] === '"') inside = !inside;
  }
  return inside;
}

// annotate gives an editor marks of ours beside those of its own check, which
// come with each change.
export function annotate(editor: Ace): (own: Annotation[]) => void {
  const set = editor.session.setAnnotations.bind(editor.session);
  let checked: Annotation[] = [];
  let own: Annotation[] = [];
  editor.session.setAnnotations = (all) => {
    checked = all.filter((a) => !own.includes(a));
    set([...checked, ...own]);
  };
  return (marks) => {
    own = marks;
    set([...checked, ...own]);
  };
}
