import { useActionState, useEffect, useRef } from 'react';
import { session } from './session';

export function SignIn({ notice }: { notice: string | undefined }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);

  const [{ email, fault }, submit, isBusy] = useActionState(
    async (_before: object, form: FormData) => {
      const input = { email: String(form.get('email')), password: String(form.get('password')) };
      try {
        if (form.get('action') === 'register') await session.register(input);
        else await session.login(input);
        return { email: '', fault: '' };
      } catch (error) {
        return { email: input.email, fault: (error as Error).message };
      }
    },
    { email: '', fault: '' },
  );

  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        Sign in
      </h1>
      {notice && (
        <p className="notice" role="status">
          {notice}
        </p>
      )}
      <form action={submit}>
        <label>
          Email
          <input name="email" type="email" autoComplete="username" defaultValue={email} required />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <p className="fault" role="alert">
          {fault}
        </p>
        <div className="buttons">
          <button className="primary" name="action" value="login" disabled={isBusy}>
            Sign in
          </button>
          <button name="action" value="register" disabled={isBusy}>
            Create an account
          </button>
        </div>
      </form>
    </>
  );
}
