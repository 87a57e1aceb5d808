import { judgeEdge } from './edge';
import type { Evidence } from './evidence';
import { type Finding, STEPS } from './finding';
import { judgeBlobs } from './judge-blob';
import { judgeLogin } from './judge-login';
import { judgeManifests } from './judge-manifest';
import { judgeReach } from './judge-reach';
import { judgeRest } from './judge-rest';

/** All that can be said of what was seen, each thing once, in the order of the steps. */
export function judge(evidence: Evidence): readonly Finding[] {
  const all = [judgeReach, judgeEdge, judgeLogin, judgeManifests, judgeBlobs, judgeRest].flatMap((each) =>
    each(evidence),
  );
  const told = new Map(all.map((finding) => [JSON.stringify(finding), finding]));
  return STEPS.flatMap((step) => [...told.values()].filter((finding) => finding.step === step));
}
