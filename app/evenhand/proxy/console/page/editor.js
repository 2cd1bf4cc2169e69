// The editor: CodeMirror in a shadow root, where it adds its styles as style sheet objects, which a strict policy allows.
import {
  EditorState, EditorView, HighlightStyle, bracketMatching, defaultKeymap, drawSelection, foldGutter, foldKeymap, highlightActiveLine,
  highlightActiveLineGutter, highlightSelectionMatches, highlightSpecialChars, history, historyKeymap, indentOnInput, indentUnit, keymap,
  lineNumbers, lintGutter, lintKeymap, search, searchKeymap, setDiagnostics, syntaxHighlighting, tags, yaml,
} from "./vendor/codemirror.js";
import { unitOffset } from "./spans.js";

const FONT = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';

const look = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--panel)", color: "var(--text)", fontSize: "13.5px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: FONT, lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--soft)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--active)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--select)" },
  ".cm-selectionMatch, .cm-searchMatch": { backgroundColor: "var(--match)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--match)", outline: "2px solid var(--focus)" },
  ".cm-matchingBracket": { backgroundColor: "var(--select) !important" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunken)", borderColor: "var(--line)", color: "var(--soft)" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--panel)", color: "var(--text)", borderColor: "var(--line)" },
  ".cm-tooltip": { border: "1px solid var(--line-strong)", borderRadius: "6px", maxWidth: "46em" },
  ".cm-diagnostic": { fontFamily: "system-ui, sans-serif", fontSize: "13.5px" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad)", textUnderlineOffset: "3px" },
  ".cm-textfield, .cm-button": { backgroundColor: "var(--panel)", backgroundImage: "none", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "5px", fontSize: "13px" },
});

const colours = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName, tags.labelName], color: "var(--syntax-key)" },
  { tag: [tags.string, tags.content, tags.attributeValue], color: "var(--syntax-text)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword, tags.meta], color: "var(--syntax-number)" },
  { tag: tags.comment, color: "var(--syntax-comment)", fontStyle: "italic" },
]);

/** Typing over a selection: left to Chromium, it writes a style attribute, which the policy blocks and reports. */
const typedOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { main } = view.state.selection;
    if (event.inputType !== "insertText" || event.isComposing || main.empty || event.data === null || view.state.readOnly) return false;
    event.preventDefault();
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});

function extensions(name, text, { onChange, onSave, readOnly }) {
  const save = { key: "Mod-s", preventDefault: true, run: () => (onSave(), true) };
  return [
    lineNumbers(), foldGutter(), lintGutter(), history(), drawSelection(), highlightSpecialChars(), indentOnInput(), bracketMatching(),
    highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(), search({ top: true }), indentUnit.of("  "),
    keymap.of([save, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap]),
    name.endsWith(".csv") ? [] : yaml(),
    syntaxHighlighting(colours), look, typedOver, EditorView.lineWrapping,
    text.includes("\r\n") ? EditorState.lineSeparator.of("\r\n") : [],
    EditorView.contentAttributes.of({ "aria-label": `Text of ${name}`, tabindex: "0" }),
    EditorState.readOnly.of(readOnly),
    EditorView.updateListener.of((update) => update.docChanged && onChange()),
  ];
}

/** An editor in `host`; `open` shows another file, `text` is what stands there with its own line ends. */
export function editorIn(host, calls) {
  const root = host.attachShadow({ mode: "open" });
  const view = new EditorView({ parent: root, root });
  return {
    open(name, text, { readOnly = false } = {}) {
      view.setState(EditorState.create({ doc: text, extensions: extensions(name, text, { ...calls, readOnly }) }));
    },
    text: () => view.state.sliceDoc(),
    focus: () => view.focus(),
    goTo(line) {
      const found = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
      view.dispatch({ selection: { anchor: found.from }, effects: EditorView.scrollIntoView(found.from, { y: "center" }) });
    },
    mark: (problems) => view.dispatch(setDiagnostics(view.state, problems.map((problem) => diagnostic(view.state.doc, problem)))),
  };
}

/** A problem counts lines and columns from 1 in code points; the editor counts UTF-16 units from 0. */
function diagnostic(doc, { line, column, width, message, hint }) {
  const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
  const from = at.from + unitOffset(at.text, column - 1);
  const to = Math.min(at.from + unitOffset(at.text, column - 1 + Math.max(width, 1)), at.to);
  return { from: Math.min(from, at.to), to: Math.max(to, Math.min(from, at.to)), severity: "error", message: hint ? `${message} (${hint})` : message };
}
