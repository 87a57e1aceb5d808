// Hundreds of cases are about deadlines, on a machine that others keep busy. One that fails is run a second time at once, and its first
// failure is printed; what is wrong fails twice.
if (process.env.CI) jest.retryTimes(1, { logErrorsBeforeRetry: true, retryImmediately: true });
