import { describeNetwork } from './zoo.cases.ts'

describeNetwork('Xception')
