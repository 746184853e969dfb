export { type Delivery, Ledger, type Produced } from './ledger.ts';
