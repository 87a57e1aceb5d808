/** Colours, letters and the frame of the page. Contrast holds WCAG 2.2 AA in both themes (4.5 for text, 3 for edges of fields). */
export const BASE = `
:root{color-scheme:light dark;
--ground:#f7f8fa;--sheet:#fff;--ink:#171a21;--soft:#565e6c;--line:#dfe3e9;--edge:#858d9b;
--accent:#1f5bd1;--on-accent:#fff;--accent-ink:#1a52c0;--tint:#eaf1fe;--code:#f3f5f8;--bad:#a8271c;--bad-tint:#fdf0ee}
@media (prefers-color-scheme:dark){:root{
--ground:#0f1216;--sheet:#171b21;--ink:#e8ebf0;--soft:#a3acba;--line:#2a313b;--edge:#737d8c;
--accent:#7dabff;--on-accent:#0b1526;--accent-ink:#8db6ff;--tint:#1b2940;--code:#10141a;--bad:#ff9d92;--bad-tint:#2b1a19}}
*,::before,::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);line-height:1.6;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","PingFang SC","Hiragino Sans GB","Microsoft YaHei","Noto Sans CJK SC","WenQuanYi Micro Hei",sans-serif}
code,pre,input,.name,.registries strong{font-family:ui-monospace,SFMono-Regular,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;font-variant-ligatures:none}
h1,h2,h3,p,dl,dd,ol,ul,figure,fieldset,pre{margin:0;padding:0;border:0;min-width:0}
.wrap{max-width:60rem;margin:0 auto;padding:0 clamp(1rem,4vw,2rem)}
header .wrap,footer .wrap{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:center;justify-content:space-between}
header .wrap{padding-top:1.25rem;padding-bottom:1.25rem}
.brand{display:inline-flex;gap:.6rem;align-items:center;color:var(--ink);font-weight:600;text-decoration:none}
.brand img{width:1.6rem;height:1.6rem;display:block}
.tools,nav{display:flex;gap:1rem 1.25rem;font-size:.9375rem}
a{color:var(--accent-ink);text-underline-offset:.2em;text-decoration-thickness:.07em}
a:hover{text-decoration-thickness:.14em}
nav [aria-current]{color:var(--soft);text-decoration:none}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:.3rem}
main{display:block;padding-bottom:4rem}
.hero{padding:clamp(1.5rem,6vw,4rem) 0 2rem}
.hero h1{font-size:clamp(1.6rem,1.1rem + 2.6vw,2.6rem);line-height:1.15;letter-spacing:-.02em;font-weight:700;overflow-wrap:anywhere}
.hero p{margin-top:.75rem;font-size:1.1rem;color:var(--soft);max-width:42rem}
.hero.small{padding:.5rem 0 1rem}
.hero.small h1{font-size:1rem;letter-spacing:0;font-weight:600;color:var(--soft)}
section{margin-top:3rem}
h2{font-size:1.25rem;line-height:1.3;letter-spacing:-.01em;margin-bottom:1rem;overflow-wrap:anywhere}
.aside{color:var(--soft);font-size:.875rem}
.unseen,.skip:not(:focus){position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip{position:absolute;left:1rem;top:.5rem;background:var(--sheet);padding:.5rem 1rem;z-index:2}
footer{border-top:1px solid var(--line);font-size:.875rem;color:var(--soft)}
footer .wrap{padding-top:1.5rem;padding-bottom:2.5rem}
.box label{display:block;font-weight:600;margin-bottom:.5rem}
.line{display:flex;flex-wrap:wrap;gap:.6rem}
input[type=text]{flex:1 1 18rem;min-width:0;font-size:1rem;padding:.75rem .9rem;color:inherit;background:var(--sheet);border:1px solid var(--edge);border-radius:.6rem}
input[type=text]::placeholder{color:var(--soft);opacity:1}
button{font:inherit;color:var(--ink);background:var(--sheet);border:1px solid var(--edge);border-radius:.6rem;padding:.7rem 1.2rem;cursor:pointer}
button:hover{border-color:var(--accent)}
button.main{background:var(--accent);border-color:var(--accent);color:var(--on-accent);font-weight:600}
button.main:hover{filter:brightness(1.08)}
form[aria-busy=true] button{cursor:progress;opacity:.7}
@media (max-width:30rem){.line button{flex:1 1 auto}}
`;
