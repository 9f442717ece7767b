/* Moves through the statements of the page: s1, s2 and so on, in the order in which they run. All that is shown is in the page;
   texts are only ever set as text. */
(() => {
  'use strict';

  const one = (id) => document.getElementById(id);
  const all = (query, inside = document) => Array.from(inside.querySelectorAll(query));
  const body = document.body;
  const slider = one('slider');
  const last = one('s1') ? Number(slider.max) : 0;
  const forward = Number(body.dataset.forward);
  const reverse = body.dataset.mode === 'reverse';

  const statements = [null];
  for (let k = 1; k <= last; k += 1) statements.push(one(`s${k}`));
  const rowOf = new Map();
  for (const s of statements) if (s && s.classList.contains('primal')) rowOf.set(s.dataset.node, s);
  const drawn = new Map(all('#graph .node[data-node]').map((g) => [g.dataset.node, g]));
  const fold = (what) => all('#graph .node.fold').find((g) => g.textContent.includes(what));
  const hidden = fold('operations');
  const edges = all('#graph .edge');
  const pieces = all('#program [data-a]').map((piece) => ({ piece, start: Number(piece.dataset.a) }));

  const make = (tag, name, ...content) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...content);
    return made;
  };
  const part = (s, name) => {
    const found = s.querySelector(`:scope > .${name}`);
    return found ? found.textContent : '';
  };
  const numbers = (s) => s.dataset.n || part(s, 'n');
  const value = (s) => s.dataset.v || part(s, 'v');
  const bare = (text) => text.replace(/^= /, '');
  const kind = (s) => s.classList[0];

  /* The adjoints at a step: for each node the statements that have written it, the last one on top. */
  const writers = new Map();
  const set = (s) => (s.dataset.set ? JSON.parse(s.dataset.set) : []);
  const written = (s) => (s.dataset.to !== undefined ? [s.dataset.to] : set(s).map(([node]) => String(node)));

  function running(node, exact) {
    const stack = writers.get(node);
    const s = stack && stack[stack.length - 1];
    if (!s) return null;
    if (s.dataset.to !== undefined) return bare(exact ? value(s) : part(s, 'v'));
    return set(s).find(([found]) => String(found) === node)[1];
  }

  let at = 0;
  let current = null;
  let opened = [];
  let timer = null;

  function go(to) {
    const target = Math.min(Math.max(to, 1), last);
    if (target === at) return;
    const touched = new Set();
    while (at < target) forth(touched);
    while (at > target) back(touched);
    for (const node of touched) show(node);
    mark(statements[at]);
  }

  function forth(touched) {
    at += 1;
    const s = statements[at];
    s.classList.add('done');
    draw(s, true);
    for (const node of written(s)) {
      if (!writers.has(node)) writers.set(node, []);
      writers.get(node).push(s);
      touched.add(node);
    }
  }

  function back(touched) {
    const s = statements[at];
    s.classList.remove('done');
    draw(s, false);
    for (const node of written(s)) {
      writers.get(node).pop();
      touched.add(node);
    }
    at -= 1;
  }

  function show(node) {
    drawAdjoint(node);
    const cell = one(`b${node}`);
    if (!cell) return;
    const text = running(node, false);
    cell.textContent = text === null ? '\u00b7' : text;
    cell.parentNode.classList.toggle('done', text !== null);
  }

  /* The graph: the node and the edges of a statement, and what is known of each node. Longer numbers find no ROOM beside a node;
     a wide picture is made smaller to LEAST of its size, and then moved. */
  const ROOM = 28;
  const LEAST = 0.75;

  function drawAdjoint(node) {
    const g = drawn.get(node);
    const label = g && g.querySelector('text.adjoint');
    if (!label) return;
    const text = running(node, false);
    g.classList.toggle('written', text !== null);
    const [name, shown] = label.textContent.split(' = ');
    if (text !== null && !shown.startsWith('array')) label.textContent = `${name} = ${text.length > ROOM ? '\u2026' : text}`;
  }

  const between = new Map(edges.map((edge) => [`${edge.dataset.from} ${edge.dataset.to} ${edge.dataset.position}`, edge]));

  /* What a statement that ran, or is taken back, leaves in the graph. */
  function draw(s, ran) {
    const { node, to, from, position } = s.dataset;
    if (kind(s) !== 'adjoint') {
      const g = drawn.get(node);
      if (g) g.classList.toggle('done', ran);
    } else if (drawn.has(to) && drawn.has(from)) {
      const edge = between.get(`${drawn.get(to).id} ${drawn.get(from).id} ${position}`);
      if (edge) edge.classList.toggle('passed', ran);
    }
  }

  function drawStep(s) {
    for (const e of all('#graph .now, #graph .arg')) e.classList.remove('now', 'arg');
    const adjoint = kind(s) === 'adjoint';
    const { node, to, from, position } = s.dataset;
    const here = drawn.get(adjoint ? to : node) || hidden;
    if (!here) return;
    here.classList.add('now');
    const target = adjoint ? drawn.get(from) || (from === undefined ? null : hidden) : here;
    if (adjoint && target && target !== here) target.classList.add('arg');
    for (const edge of edges) {
      if (!target || edge.dataset.to !== target.id) continue;
      if (!adjoint || (edge.dataset.from === here.id && (edge.dataset.position === position || target === hidden))) edge.classList.add('now');
    }
    within(here, here.closest('.scroll'));
  }

  function mark(s) {
    if (current) {
      current.classList.remove('now');
      current.removeAttribute('aria-current');
    }
    current = s;
    s.classList.add('now');
    s.setAttribute('aria-current', 'step');
    slider.value = at;
    one('status').textContent = said(s);
    slider.setAttribute('aria-valuetext', said(s));
    for (const id of ['first', 'back']) one(id).disabled = at === 1;
    for (const id of ['next', 'last']) one(id).disabled = at === last;
    reveal(s);
    place(s);
    drawStep(s);
    inspect(s);
  }

  function said(s) {
    const sweep = { primal: 'primal', tangent: 'tangent', adjoint: 'adjoint', gap: 'left out' }[kind(s)];
    const count = !reverse ? '' : at <= forward ? ` ${at} of ${forward}` : ` ${at - forward} of ${last - forward}`;
    return `Step ${at} of ${last}: ${sweep}${count}`;
  }

  /* Open the folds around a statement, close those that were opened for the one before, and bring it into view in its panel. */
  function reveal(s) {
    const around = [];
    for (let e = s.parentNode; e && e.id !== 'trace'; e = e.parentNode) if (e.tagName === 'DETAILS') around.push(e);
    for (const fold of opened) if (!around.includes(fold)) fold.open = false;
    opened = opened.filter((fold) => around.includes(fold));
    for (const fold of around.reverse()) {
      if (!fold.open) {
        fold.open = true;
        opened.push(fold);
      }
    }
    within(s.closest('.row') || s, s.closest('.scroll'));
    within(s, s.closest('.scroll'));
  }

  function within(e, panel) {
    const a = e.getBoundingClientRect();
    const b = panel.getBoundingClientRect();
    const room = Math.min(48, Math.max(0, (b.height - a.height) / 2));
    if (a.top < b.top + room) panel.scrollTop += a.top - b.top - room;
    else if (a.bottom > b.bottom - room) panel.scrollTop += Math.min(a.bottom - b.bottom + room, a.top - b.top - room);
    if (a.left < b.left || a.right > b.right) panel.scrollLeft += (a.left + a.right - b.left - b.right) / 2;
  }

  /* What says where a statement is: itself, where its row is left out. */
  const placed = (s) => (s.dataset.line ? s : rowOf.get(s.dataset.node));

  /* Where in the program the statement is. */
  function place(s) {
    for (const e of all('#program .now, #program .here')) e.classList.remove('now', 'here');
    body.dataset.sweep = kind(s);
    const row = placed(s);
    if (!row) return;
    const line = one(`L${row.dataset.line}`);
    if (!line) return;
    line.classList.add('here');
    const [start, end] = (row.dataset.at || '-1 -1').split(' ').map(Number);
    for (const { piece, start: from } of pieces) if (from >= start && from < end) piece.classList.add('now');
    within(line, line.closest('pre'));
  }

  /* The inspector: the statement with every digit, and for an adjoint how it comes about. */
  const REF = /(v[\u0304\u0307]?[\u2080-\u2089\u208b]+|v_bar\[-?\d+\]|v_dot\[-?\d+\]|v\[-?\d+\])/u;
  const colour = (ref) => (/\u0304|bar/u.test(ref) ? 'adjoint' : /\u0307|dot/u.test(ref) ? 'tangent' : 'primal');
  const formula = (text) => text.split(REF).map((piece, k) => (k % 2 ? make('span', `ref ${colour(piece)}`, piece) : piece));

  function inspect(s) {
    const step = one('step');
    if (kind(s) === 'gap') {
      step.replaceChildren(make('p', 'sentence', s.textContent));
      return;
    }
    const head = make('p', 'kind', make('b', kind(s), { primal: 'Primal', tangent: 'Tangent', adjoint: 'Adjoint' }[kind(s)]), where(placed(s)));
    const text = make('p', 'formula', ...formula(part(s, 'f')));
    const lines = [numbers(s), value(s)].filter(Boolean).map((line) => make('p', 'put', line));
    const words = s.querySelector(':scope > .words');
    const said = words ? [words.cloneNode(true)] : [];
    step.replaceChildren(head, text, ...lines, ...said, ...(kind(s) === 'adjoint' ? [account(s)] : []));
  }

  function where(row) {
    if (!row) return '';
    const inLoop = row.dataset.iter ? `, iteration ${row.dataset.iter}` : '';
    const name = kind(row) === 'primal' && row.parentNode.querySelector(':scope > .name');
    return make('span', 'where', `${name ? `${name.textContent}, ` : ''}line ${row.dataset.line}${inLoop}`);
  }

  function account(s) {
    const list = make('dl', 'account');
    const entry = (name, text) => list.append(make('dt', '', name), make('dd', '', text));
    if (s.dataset.from === undefined) {
      entry('seed', bare(value(s)));
      return list;
    }
    entry('adjoint that comes in', s.dataset.b || running(s.dataset.node, true));
    if (s.dataset.d) entry('local derivative', s.dataset.d);
    entry('contribution', s.dataset.i || bare(value(s)));
    const stack = writers.get(s.dataset.to);
    entry('adjoint before', stack.length > 1 ? before(s, stack) : 'none yet');
    entry('adjoint now', bare(value(s)));
    return list;
  }

  function before(s, stack) {
    const earlier = stack[stack.length - 2];
    return earlier.dataset.to !== undefined ? bare(value(earlier)) : set(earlier).find(([node]) => String(node) === s.dataset.to)[1];
  }

  function play() {
    if (timer !== null) return stop();
    if (at === last) go(1);
    timer = setInterval(() => (at < last ? go(at + 1) : stop()), 900);
    playing(true);
  }

  function stop() {
    if (timer !== null) clearInterval(timer);
    timer = null;
    playing(false);
  }

  function playing(yes) {
    one('play').setAttribute('aria-pressed', String(yes));
    one('play').setAttribute('aria-label', yes ? 'Pause' : 'Play');
  }

  const moves = {
    ArrowLeft: () => go(at - 1), ArrowRight: () => go(at + 1), PageUp: () => go(at - 10), PageDown: () => go(at + 10),
    Home: () => go(1), End: () => go(last), ' ': play,
  };

  function pressed(event) {
    const move = moves[event.key];
    const taken = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
    if (!move || taken || (event.key === ' ' && event.target.closest('button, summary, a'))) return;
    event.preventDefault();
    if (event.key !== ' ') stop();
    move();
  }

  function clicked(event) {
    const s = event.target.closest('.primal, .tangent, .adjoint');
    if (!s || !s.id || String(window.getSelection())) return;
    stop();
    go(Number(s.id.slice(1)));
  }

  function chosen(event) {
    const g = event.target.closest('.node[data-node]');
    const row = g && rowOf.get(g.dataset.node);
    if (!row) return;
    stop();
    go(Number(row.id.slice(1)));
  }

  /* Follows the system until it is told otherwise. */
  function theme() {
    const dark = window.matchMedia('(prefers-color-scheme: dark)').matches;
    const order = ['auto', dark ? 'light' : 'dark', dark ? 'dark' : 'light'];
    const root = document.documentElement;
    const next = order[(order.indexOf(root.dataset.theme || 'auto') + 1) % 3];
    root.dataset.theme = next;
    one('theme').textContent = `Theme: ${next}`;
  }

  function start() {
    one('theme').hidden = false;
    one('theme').addEventListener('click', theme);
    if (!last) return;
    document.documentElement.classList.add('stepping');
    for (const cell of all('.running output')) cell.textContent = '\u00b7';
    for (const id of ['player', 'inspector']) one(id).hidden = false;
    if (reverse) slider.style.setProperty('--forward', `${(100 * forward) / last}%`);
    const buttons = { first: () => go(1), back: () => go(at - 1), next: () => go(at + 1), last: () => go(last) };
    for (const [id, move] of Object.entries(buttons)) {
      one(id).addEventListener('click', () => {
        stop();
        move();
      });
    }
    one('play').addEventListener('click', play);
    let wanted = 0;
    slider.addEventListener('input', () => {
      stop();
      if (!wanted) requestAnimationFrame(() => { const to = wanted; wanted = 0; go(to); });
      wanted = Number(slider.value);
    });
    document.addEventListener('keydown', pressed);
    one('trace').addEventListener('click', clicked);
    one('graph').addEventListener('click', chosen);
    one('trace').addEventListener('click', (event) => {
      const fold = event.target.closest('summary');
      if (fold) opened = opened.filter((e) => e !== fold.parentNode);
    });
    const picture = document.querySelector('#graph svg');
    picture.style.minWidth = `${LEAST * picture.viewBox.baseVal.width}px`;
    const linked = () => go(Number(location.hash.replace('#step=', '')) || 1);
    window.addEventListener('hashchange', linked);
    linked();
  }

  start();
})();
