/// The style sheet of the page: readable from 320 pixels on, in light and dark, and on paper.
enum PageStyle {
    static let code: StaticString = #"""
        :root { --ground: #fff; --ink: #1b1f24; --faint: #667; --line: #d9dde3; --panel: #f6f7f9; --mark: #0072b2;
          --bad: #b3261e; --good: #1a7f4b; color-scheme: light dark; }
        @media (prefers-color-scheme: dark) { :root { --ground: #14171b; --ink: #e6e9ee; --faint: #9aa4b2;
          --line: #333a44; --panel: #1c2127; --mark: #56b4e9; --bad: #ff8a80; --good: #6fd39f; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 1500px; padding: 16px; background: var(--ground); color: var(--ink);
          font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
        h1 { font-size: 24px; line-height: 1.25; margin: 8px 0; } h2 { font-size: 18px; margin: 32px 0 8px; }
        nav { display: flex; flex-wrap: wrap; gap: 4px 16px; } a { color: var(--mark); }
        p { margin: 6px 0; max-width: 75ch; } small, .faint, figcaption, th { color: var(--faint); }
        .charts { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
        figure { margin: 0; padding: 8px; background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
          position: relative; min-width: 0; }
        figcaption { display: flex; gap: 8px; align-items: baseline; flex-wrap: wrap; }
        figcaption b { color: var(--ink); flex: 1; }
        button { font: inherit; font-size: 13px; color: var(--ink); background: var(--ground);
          border: 1px solid var(--line); border-radius: 4px; padding: 1px 8px; cursor: pointer; }
        button[aria-pressed="false"] { opacity: 0.45; } [hidden] { display: none !important; }
        .legend { display: flex; flex-wrap: wrap; gap: 6px; margin: 8px 0; } .legend i { display: inline-block;
          width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; vertical-align: -1px; }
        svg { display: block; width: 100%; touch-action: pan-y; user-select: none; }
        svg text { fill: var(--faint); font: 12px system-ui, sans-serif; }
        .grid { stroke: var(--line); } .cursor { stroke: var(--faint); stroke-dasharray: 3 3; }
        .selection { fill: var(--mark); opacity: 0.15; } .curve { fill: none; }
        .tip { position: absolute; pointer-events: none; background: var(--ground); border: 1px solid var(--line);
          border-radius: 4px; padding: 4px 8px; font-size: 13px; max-width: 90%; z-index: 1; }
        .scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; padding: 3px 12px 3px 0; border-bottom: 1px solid var(--line);
          vertical-align: top; font-weight: normal; } td.number, th.number { text-align: right; }
        .matrix td { text-align: right; padding: 3px 8px; min-width: 34px;
          background: color-mix(in srgb, var(--mark) calc(var(--share) * 70%), transparent); }
        .examples { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); }
        .example { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 8px 12px; }
        .example dt { color: var(--faint); font-size: 13px; } .example dd { margin: 0 0 6px; white-space: pre-wrap; }
        .maps { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); }
        select { font: inherit; font-size: 13px; max-width: 100%; } svg.map { width: auto; max-width: none; }
        .map rect { fill: var(--mark); } .map .frame { fill: none; stroke: var(--line); } .dot { fill: var(--mark); }
        .tokens { line-height: 1.9; } .tokens span { white-space: nowrap; padding: 1px 3px; margin-right: 3px; border-radius: 3px;
          background: color-mix(in srgb, var(--tone) calc(var(--share) * 65%), transparent); }
        .for { --tone: #0072b2; } .against { --tone: #d55e00; }
        .good { color: var(--good); } .bad { color: var(--bad); }
        pre { overflow-x: auto; background: var(--panel); padding: 8px; border-radius: 6px; max-height: 420px; }
        .bar { display: flex; height: 22px; border-radius: 4px; overflow: hidden; max-width: 900px; }
        .bar span { min-width: 1px; width: calc(var(--share) * 100%); background: var(--colour); }
        @media print { nav, button { display: none; } figure { break-inside: avoid; } }
        """#
}
