import type { Identity } from '../core/admission';
import type { Config } from '../core/config';
import { answerError, RegistryError } from '../core/errors';
import { headerOf } from '../core/headers';
import { parseImageName } from '../core/image-name';
import { originOfRequest } from '../core/origin';
import type { Answer, RequestHead } from '../core/verbs';
import { drawBox } from './box-part';
import type { Guide, ImageReport, Inspection, PageState, Refusal, SearchResult } from './contract';
import { drawDocument, drawNeutral } from './document';
import { drawGuides } from './guides-part';
import { html, type Markup } from './html';
import { drawImage } from './image-part';
import { documentAnswer } from './page-answer';
import { readPageQuestion } from './page-question';
import type { PageTarget } from './page-target';
import { drawRefusal } from './refusal-part';
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
  readonly state: () => Promise<PageState>;
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
  const { asks, language, lang } = readPageQuestion(head, target.query, origin);
  const isCostly = asks.kind !== 'home' || headerOf(head.headers, 'authorization') !== undefined;
  const visitor = await receive({
    head,
    config,
    isGuest: target.isGuest,
    logsIn: asks.kind === 'login',
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
    canLogIn: visitor.kind !== 'known' && (config.gate?.users.size ?? 0) > 0,
  };
  const tag = view.speech.say('lang');
  const refusal = visitor.kind === 'refused' ? visitor.refusal : undefined;
  if (visitor.kind !== 'known' && visitor.sees === 'nothing') return documentAnswer(drawNeutral(view), tag, refusal);
  const typed = 'text' in asks ? asks.text : '';
  const isKnown = visitor.kind === 'known';
  const below = refusal ? refused(refusal, typed, view) : await answerTo(asks, view, { ...place, isKnown });
  const main = html`${drawHead(view, asks.kind === 'home')}${drawBox(view, typed)}${below.main}`;
  return documentAnswer(drawDocument({ ...below, main }, view), tag, below.refusal);
}

type Scene = PagePlace & { readonly isKnown: boolean };

async function answerTo(asks: ReturnType<typeof readPageQuestion>['asks'], view: View, scene: Scene): Promise<Below> {
  switch (asks.kind) {
    case 'home':
    case 'login':
      return showHome(view, scene);
    case 'search':
      return showSearch(asks.text, view, scene);
    case 'image':
      if (!parseImageName(asks.text) && view.canSearch) return showSearch(asks.text, view, scene);
      return showImage(asks.text, view, scene);
  }
}

async function showHome(view: View, { config, guides, state, isKnown }: Scene): Promise<Below> {
  const { say } = view.speech;
  const shown = isKnown && config.landingPage?.showsState ? await state() : undefined;
  const main = html`${drawGuides(view, guides(undefined, isKnown), say('guides.instance'))}
${isKnown && drawRegistries(view, config)}
${shown && drawState(shown, view.speech)}`;
  return { title: `${view.host} · ${say('product')}`, query: [], main };
}

async function showImage(text: string, view: View, { inspect, guides, isKnown }: Scene): Promise<Below> {
  const { say } = view.speech;
  const inspection = await inspect(text);
  if ('refused' in inspection) return refused(inspection.refused, text, view);
  const { report } = inspection;
  const main = html`${drawImage(report, view)}${drawGuides(view, guides(report, isKnown), say('guides.image'))}`;
  return { title: say('title.image', { image: report.image, host: view.host }), query: [['image', text]], main };
}

async function showSearch(term: string, view: View, { search }: Scene): Promise<Below> {
  const found = await search(term);
  const query = [['search', term]] as const;
  if ('refused' in found) return { ...refused(found.refused, '', view), query };
  const title = view.speech.say('title.search', { term, host: view.host });
  return { title, query, main: drawSearch(view, term, found.hits) };
}

function refused(refusal: Refusal, typed: string, view: View): Below {
  const title = view.speech.say('title.refused', { image: typed || view.host, host: view.host });
  const query = typed === '' ? [] : [['image', typed] as const];
  return { title, query, main: drawRefusal(refusal, view, typed), refusal };
}

function drawHead({ speech: { say }, host }: View, isWhole: boolean): Markup {
  if (!isWhole) return html`<div class="hero small"><h1>${host}</h1></div>`;
  return html`<div class="hero"><h1>${host}</h1><p>${say('tagline')} ${say('taglineMore')}</p></div>`;
}
