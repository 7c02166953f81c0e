import { ADMIN } from '../support/api';
import type { Scene, Session, User } from './population';
import { refresh } from './refreshes';
import { login } from './sessions';

/** The administrator with a token that was just good, or nothing while there is none. */
export async function administrator(scene: Scene): Promise<Session | undefined> {
  const root: User = {
    id: '',
    email: ADMIN.email,
    passwords: [ADMIN.password],
    out: false,
    changes: 0,
    role: 'ADMIN',
  };
  scene.admin ??= await login(scene, root);
  return scene.admin;
}

/** Gets the administrator another token after a refusal. */
export async function renewAdministrator(scene: Scene): Promise<void> {
  const { admin } = scene;
  if (admin && !(await refresh(scene, admin))) scene.admin = undefined;
}
