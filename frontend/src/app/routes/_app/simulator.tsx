import { createFileRoute } from '@tanstack/react-router';
import { SimulatorPage } from '@/features/simulator/simulator-page';

export const Route = createFileRoute('/_app/simulator')({ component: SimulatorPage });
