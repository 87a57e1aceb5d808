/**
 * What only a script can do: copying, and saying that a registry is being asked. All else works without it. Where the page
 * comes by plain http there is no clipboard (W3C Clipboard API, secure contexts only): the text is selected, and copied the old way.
 */
export const SCRIPT = `'use strict';
(() => {
  const said = document.getElementById('said');
  const select = (from) => {
    const range = document.createRange();
    range.selectNodeContents(from);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  const copy = async (from) => {
    try {
      await navigator.clipboard.writeText(from.textContent);
      return true;
    } catch {
      select(from);
      return document.execCommand('copy');
    }
  };
  for (const button of document.querySelectorAll('[data-copy]')) {
    const word = button.querySelector('span');
    const before = word.textContent;
    let timer;
    button.hidden = false;
    button.addEventListener('click', async () => {
      const isCopied = await copy(document.getElementById(button.dataset.copy));
      said.textContent = '';
      requestAnimationFrame(() => { said.textContent = isCopied ? said.dataset.copied : said.dataset.failed; });
      if (!isCopied) return;
      word.textContent = said.dataset.copied;
      button.classList.add('done');
      clearTimeout(timer);
      timer = setTimeout(() => { word.textContent = before; button.classList.remove('done'); }, 2000);
    });
  }
  for (const form of document.querySelectorAll('form')) {
    form.addEventListener('submit', () => {
      form.setAttribute('aria-busy', 'true');
      said.textContent = form.dataset.busy;
    });
    addEventListener('pageshow', () => form.removeAttribute('aria-busy'));
  }
})();
`;
