import type { Identity } from '../core/admission';
import { printChallenge } from '../core/challenge';
import type { Config } from '../core/config';
import { answerError, RegistryError } from '../core/errors';
import { headerOf } from '../core/headers';
import { parseImageName } from '../core/image-name';
import type { Guide } from '../core/inspect/guides';
import type { ImageReport, Inspection, Refusal } from '../core/inspect/report';
import type { PageState } from '../core/inspect/state';
import { originOfRequest } from '../core/origin';
import type { Answer, RequestHead } from '../core/verbs';
import type { SearchResult } from '../shell/search-page';
import { drawBox } from './box-part';
import { drawDocument, drawNeutral } from './document';
import { drawGuides } from './guides-part';
import { html, type Markup } from './html';
import { drawImage, drawPlatforms } from './image-part';
import { documentAnswer } from './page-answer';
import { type PageQuestion, readPageQuestion } from './page-question';
import type { PageTarget } from './page-target';
import { type Asked, drawRefusal } from './refusal-part';
import { drawRegistries } from './registries-part';
import { drawSearch } from './search-part';
import { speechIn } from './speech';
import { drawState } from './state-part';
import { shownHost, type View } from './view';
import { receive } from './visitor';

/** What a page is made from, at the time of a request. */
export interface PagePlace {
  readonly config: Config;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The answer to a request that is one too many. */
  readonly admit: () => Answer | undefined;
  readonly identify: (authorization: string) => Promise<Identity>;
  readonly inspect: (image: string) => Promise<Inspection>;
  readonly search: (term: string) => Promise<SearchResult>;
  /** Undefined where its owner does not let it be seen. */
  readonly state: () => PageState | undefined;
  /** @param showsRegistries who asks may know which there are */
  readonly guides: (image: ImageReport | undefined, showsRegistries: boolean) => readonly Guide[];
}

/** What comes below the box. */
interface Below {
  readonly title: string;
  readonly query: readonly (readonly [string, string])[];
  readonly main: Markup;
  readonly refusal?: Refusal;
}

/** `GET /` of a browser: the page, what is in an image, or what a search has found. */
export async function answerPage(head: RequestHead, target: PageTarget, place: PagePlace): Promise<Answer> {
  const { config } = place;
  const origin = originOfRequest(head, config);
  if (!origin) return answerError(new RegistryError(400, 'UNSUPPORTED', 'the request has no usable Host'));
  const { asks, logsIn, language, lang } = readPageQuestion(head, target.query, origin);
  const isCostly = asks.kind !== 'home' || logsIn || headerOf(head.headers, 'authorization') !== undefined;
  const visitor = await receive({
    head,
    config,
    isGuest: target.isGuest,
    logsIn,
    admit: isCostly ? place.admit : () => undefined,
    identify: place.identify,
  });
  const view: View = {
    speech: speechIn(language),
    ...(lang && { lang }),
    origin,
    host: shownHost(origin, config),
    now: place.now,
    canSearch: config.search !== undefined,
    takesLogins: origin.scheme === 'https' && !config.gate?.users.size,
    canLogIn: visitor.kind !== 'known' && (config.gate?.users.size ?? 0) > 0,
  };
  const tag = view.speech.say('lang');
  const refusal = visitor.kind === 'refused' ? visitor.refusal : undefined;
  if (visitor.kind !== 'known' && visitor.sees === 'nothing') return documentAnswer(drawNeutral(view), tag, refusal);
  const asked = askedBy(asks, config);
  const isKnown = visitor.kind === 'known';
  const below = refusal
    ? refused(refusal, asked, view)
    : await answerTo(asks, view, { ...place, isKnown, asked, logsIn });
  const main = html`${drawHead(view, asks.kind === 'home')}${drawBox(view, asked.text)}${below.main}`;
  return documentAnswer(drawDocument({ ...below, main }, view), tag, below.refusal);
}

interface Scene extends PagePlace {
  readonly isKnown: boolean;
  readonly asked: Asked;
  readonly logsIn: boolean;
}

/** As it is shown again. Holders of the secret may have typed it, and nobody is to read it off their page. */
function askedBy(asks: PageQuestion['asks'], { gate }: Config): Asked {
  if (!('text' in asks)) return { kind: 'other', text: '' };
  const text = gate?.secret === undefined ? asks.text : asks.text.replaceAll(gate.secret, 'SECRET');
  return { kind: asks.kind, text };
}

async function answerTo(asks: PageQuestion['asks'], view: View, scene: Scene): Promise<Below> {
  switch (asks.kind) {
    case 'home':
      return showHome(view, scene);
    case 'search':
      return showSearch(asks.text, view, scene);
    case 'image':
      if (!parseImageName(asks.text) && view.canSearch) return showSearch(asks.text, view, scene);
      return showImage(asks.text, view, scene);
  }
}

function showHome(view: View, { config, guides, state, isKnown }: Scene): Below {
  const { say } = view.speech;
  const shown = isKnown ? state() : undefined;
  const main = html`${drawGuides(view, guides(undefined, isKnown), say('guides.instance'))}
${isKnown && drawRegistries(view, config)}
${shown && drawState(shown, view.speech)}`;
  return { title: `${view.host} · ${say('product')}`, query: [], main };
}

async function showImage(text: string, view: View, { inspect, guides, isKnown, asked, logsIn }: Scene): Promise<Below> {
  const { say } = view.speech;
  const inspection = await inspect(text);
  if ('refused' in inspection)
    return refused(logsIn ? challenged(inspection.refused, view) : inspection.refused, asked, view);
  const { report } = inspection;
  const main = html`${drawImage(report, view)}${drawGuides(view, guides(report, isKnown), say('guides.image'))}${drawPlatforms(report, view)}`;
  return { title: say('title.image', { image: report.image, host: view.host }), query: queryOf(asked), main };
}

async function showSearch(term: string, view: View, { search, asked }: Scene): Promise<Below> {
  const found = await search(term);
  const about: Asked = { ...asked, kind: 'search' };
  if ('refused' in found) return refused(found.refused, about, view);
  const title = view.speech.say('title.search', { term: about.text, host: view.host });
  return { title, query: queryOf(about), main: drawSearch(view, about.text, found.hits) };
}

function refused(refusal: Refusal, asked: Asked, view: View): Below {
  const title = view.speech.say('title.refused', { image: asked.text || view.host, host: view.host });
  return { title, query: queryOf(asked), main: drawRefusal(refusal, view, asked), refusal };
}

/** A registry's own login, which its clients would turn into a token: nobody is asked for one who has not wished it. */
function challenged(refusal: Refusal, { takesLogins, host }: View): Refusal {
  if (refusal.status !== 401 || refusal.challenge !== undefined || !takesLogins) return refusal;
  return { ...refusal, challenge: printChallenge({ scheme: 'Basic', parameters: [['realm', host]] }) };
}

function queryOf({ kind, text }: Asked): Below['query'] {
  return kind === 'other' ? [] : [[kind, text]];
}

function drawHead({ speech: { say }, host }: View, isWhole: boolean): Markup {
  if (!isWhole) return html`<div class="hero small"><h1>${host}</h1></div>`;
  return html`<div class="hero"><h1>${host}</h1><p>${say('tagline')}</p></div>`;
}
