import { describeNetwork } from './zoo.cases.ts'

describeNetwork('ResNet50')
